"""A node that joins a running network late: what it follows is checked first, then its disk is filled by replay.

The chain is fetched by the engine's block sync from the first height. The engine checks each block's signatures; the
application executes it by the rules (``FinalizeBlock``), and the next header's application hash has to be what came
out. Nothing is taken over unseen, and each durable block is where a killed node goes on. A node that joined signs under
its own key, which the genesis file does not name: its signature counts for nothing until a vote admits it.
"""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path

from poju.engine.cometbft import genesis as genesis_file
from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.ledger import checkpoint
from poju.ledger.keys import PublicKey
from poju.node import network_audit, network_folder, network_hosts, network_keys
from poju.node.network_folder import Network, Validator
from poju.rulebook import compose

ANSWER_SECONDS = 3.0
NOTE_BYTES = 16_384
OK = 200
PORTS = 3


def join(folder: Path, name: str, progress: network_audit.Progress = lambda _done, _total: None) -> Validator:
    """Add the node ``name`` to the network in ``folder``; a supervisor that runs there starts it within a second.

    Where ``poju network keys`` made it on this machine, the keys and addresses of ``NAME.json`` are taken; else it gets
    keys and free ports on loopback. A second call, also after a kill, goes on where the first one was.

    Raises ``network.join-name``, ``network.genesis``, ``network.join-signature``, and what the audit of a handed log
    raises; ``network.json`` is written last, so that nothing follows a log that did not pass.
    """
    network = network_folder.load(folder)
    if any(item.name == name for item in network.joined):
        return network.find(name)
    if not network_hosts.NAME.fullmatch(name) or any(item.name == name for item in network.validators):
        raise CallerError(
            "network.join-name",
            _("A node cannot join as {name}."),
            hint=_("Give a short name in small letters that none of the others has, for example v4."),
            name=name[:64],
        )
    require_one_genesis(network)
    for peer in network.validators:
        require_its_signature(network, peer)
    made = _made(network, name)
    joined = network_folder.moved(network, made)
    texts = {
        "config/genesis.json": (network.folder / "genesis.json").read_text(encoding="utf-8"),
        "config/config.toml": joined.settings(made),
    }
    for path, text in texts.items():
        network_keys.replace(joined.home(made) / path, text)
    if network_audit.genesis_of(network)[0].size:
        network_audit.audit(joined, made, progress)
    joined.save()
    return made


def introduce(folder: Path, described: Path) -> Validator:
    """Note in the network in ``folder`` where the node that ``described`` tells of answers; return it.

    For the other organisations' machines: its signature is asked for once a vote has admitted it. Raises
    ``network.none``, ``network.join-name``, and what :func:`network_hosts.read_node` does.
    """
    network, found = network_folder.load(folder), network_hosts.read_node(described)
    if found in network.nodes:
        return found
    if any(item.name == found.name or item.key == found.key for item in network.nodes):
        raise CallerError(
            "network.join-name",
            _("A node cannot join as {name}."),
            hint=_("Give a short name in small letters that none of the others has, for example v4."),
            name=found.name[:64],
        )
    network_folder.moved(network, found).save()
    return found


def _made(network: Network, name: str) -> Validator:
    described = network.folder / f"{name}.json"
    home = network.folder / name
    if described.is_file():
        return _of_this_machine(described, home, name)
    taken = {port for item in network.nodes for port in (item.p2p, item.rpc, item.http)}
    # nodes that are down hold none of their ports: ask for enough to leave those out
    free = [port for port in network_folder.free_ports(PORTS + len(taken)) if port not in taken]
    p2p, rpc, served = free[:PORTS]
    return network_folder.create(home, network.origin, p2p=p2p, rpc=rpc, http=served)


def _of_this_machine(described: Path, home: Path, name: str) -> Validator:
    found = network_hosts.read_node(described)
    own = tuple(key.raw.hex() for key in network_keys.load(home).public)
    if found.name != name or own != (found.consensus, found.network, found.key):
        raise CallerError(
            "network.join-name",
            _("A node cannot join as {name}."),
            hint=_("The file of that name describes other keys than this machine has: take the one made with them."),
            name=name,
        )
    return found


def require_one_genesis(network: Network) -> None:
    """Raise ``network.genesis`` unless genesis.json names this log, this package and the validators' keys."""
    genesis, _first = network_audit.genesis_of(network)
    if genesis.origin != network.origin:
        raise genesis_file.refused("it is of another log than network.json")
    if genesis.package != compose(network.package).package.digest:
        raise genesis_file.refused("the package beside it is another one")
    if genesis.keys != {item.name: item.log_key for item in network.validators}:
        raise genesis_file.refused("it names other log keys than network.json")
    if _consensus(network) != {item.name: item.engine.consensus.raw for item in network.validators}:
        raise genesis_file.refused("it names other engine keys than network.json")


def _consensus(network: Network) -> dict[str, bytes]:
    try:
        whole = json.loads((network.folder / "genesis.json").read_text(encoding="utf-8"))
        return {
            str(item["name"]): PublicKey(base64.b64decode(item["pub_key"]["value"], validate=True)).raw
            for item in whole["validators"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise genesis_file.refused("genesis.json cannot be read") from error


def require_its_signature(network: Network, peer: Validator) -> None:
    """Raise ``network.join-signature`` where ``peer`` answers with what its key in genesis did not sign.

    One that does not answer is passed over: whether enough of them run is the chain's business.
    """
    connection = http.client.HTTPConnection(peer.host, peer.http, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/checkpoint")
        answer = connection.getresponse()
        note = answer.read(NOTE_BYTES)
        if answer.status != OK:
            return
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()
    try:
        checkpoint.open_note(note.decode(), network.origin, peer.log_key)
    except (PojuError, UnicodeDecodeError) as error:
        raise CallerError(
            "network.join-signature",
            _("What {name} serves at {url} is not signed with its key in the genesis file."),
            hint=_("Compare genesis.json and the addresses with that organisation before you follow its log."),
            name=peer.name,
            url=peer.url,
        ) from error
