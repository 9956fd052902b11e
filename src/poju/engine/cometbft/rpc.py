"""The two things that an application asks its own engine over JSON-RPC on loopback: take these, and how are you."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Sequence

from poju.errors import OperatorError
from poju.i18n import _

TIMEOUT_SECONDS = 10.0
MAX_ANSWER = 1 << 22
BATCH = 64
BATCH_BYTES = 400_000
IN_CACHE, FULL = "already exists in cache", "mempool is full"


class Rpc:
    """One kept connection to an engine's RPC port on loopback. Used by one thread."""

    def __init__(self, port: int, timeout: float = TIMEOUT_SECONDS) -> None:
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(self, method: str, **parameters: str) -> dict[str, object]:
        """Return the result of ``method``, or raise ``network.engine-silent``."""
        found = self._post({"jsonrpc": "2.0", "id": 0, "method": method, "params": parameters})
        result = found.get("result") if isinstance(found, dict) else None
        if not isinstance(result, dict):
            raise self._silent("an answer without a result")
        return result

    def broadcast(self, statements: Sequence[bytes]) -> list[str]:
        """Hand ``statements`` to the engine's queue; return for each what it said against it, or nothing.

        The engine does not wait for the application's check here, since the application checked before it asked.
        Raises ``network.engine-silent`` where it does not answer.
        """
        asked = [
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "broadcast_tx_async",
                "params": {"tx": base64.b64encode(raw).decode()},
            }
            for number, raw in enumerate(statements)
        ]
        found = self._post(asked)
        answers = {item.get("id"): item for item in ([found] if isinstance(found, dict) else found)}
        return [_complaint(answers.get(number)) for number in range(len(statements))]

    def _post(self, body: object) -> dict[str, object] | list[dict[str, object]]:
        try:
            headers = {"content-type": "application/json"}
            self._connection.request("POST", "/", json.dumps(body), headers)
            answer = json.loads(self._connection.getresponse().read(MAX_ANSWER))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise self._silent(type(error).__name__) from error
        if isinstance(answer, dict) or (isinstance(answer, list) and all(isinstance(item, dict) for item in answer)):
            return answer
        raise self._silent("an answer that is no JSON-RPC")

    def _silent(self, reason: str) -> OperatorError:
        return OperatorError(
            "network.engine-silent",
            _("The engine on port {port} does not answer: {reason}."),
            hint=_("See its log, engine.log; the supervisor starts it again after a moment."),
            port=self._port,
            reason=reason,
        )


def _complaint(answer: dict[str, object] | None) -> str:
    if answer is None:
        return "no answer"
    error = answer.get("error")
    if not isinstance(error, dict):
        return ""
    return f"{error.get('message', '')}: {error.get('data', '')}"
