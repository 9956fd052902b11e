"""Step 3, open: the package is checked, named by its digest and opened; members apply and are admitted."""

from __future__ import annotations

import shutil

from poju.demo import cast, cohorts
from poju.demo.session import Session
from poju.engine.embedded import wall_clock
from poju.errors import CallerError
from poju.i18n import _
from poju.scenario import check, runtime
from poju.scenario.package import load
from poju.solution.runtime import default_runtime, runtime_description
from poju.support.programme import load as load_programme

CALL_DAYS = 30
DAY = 86_400


def run(session: Session) -> None:
    """Check and open the package; fix cohorts and programme; admit the members."""
    voice, options = session.voice, session.options
    voice.step(3, "open", _("how is the scenario opened to providers?"))
    problems = check.check(options.package)
    if problems:
        raise CallerError(
            "package.not-closed",
            _("The package has {count} problems; the first: {first}."),
            hint=_("See all with: poju scenario check {folder}"),
            count=len(problems),
            first=problems[0],
            folder=options.package,
        )
    package = load(options.package)
    session.facts["package"] = package
    voice.tell(_("package {id} is closed; its digest is {digest}"), id=package.id, digest=package.digest.hex())
    sandbox = default_runtime(progress=voice.show)
    session.facts["runtime"] = sandbox
    session.path("guest").mkdir(exist_ok=True)
    shutil.copyfile(sandbox.guest.path, session.path("guest", sandbox.guest.path.name))
    session.facts["opened_runtime"] = {**runtime.describe(), **runtime_description(sandbox)}
    fields = {
        "package": package.digest,
        "runtime": session.facts["opened_runtime"],
        "selection": "selection/healthcare",
    }
    entry = session.register(cast.AUTHORITY, "scenario-open", f"scenario/{package.id}", fields).index
    voice.tell(_("opened as entry {entry}, with the runtime pinned"), entry=entry)
    fix_terms(session)
    admit(session)


def fix_terms(session: Session) -> None:
    """Commit to the cohorts and open the programme, before anyone submits (FUND-2); open the call."""
    package = session.facts["package"]
    commitments = []
    session.facts["cohorts"] = cohorts.make(session)
    for cohort in session.facts["cohorts"].values():
        fields = {
            "use": cohort.use,
            "commitment": cohort.commitment,
            "generator": cohort.generator,
            "cases": len(cohort.cases),
        }
        session.register(cast.AUTHORITY, "cohort-commit", cohort.subject, fields)
        commitments.append(cohort.commitment)
    programme = load_programme(package.files["programme.toml"])
    session.facts["programme"] = programme
    subject = f"programme/{programme.id}"
    session.register(
        cast.AUTHORITY, "programme-open", subject, {"digest": programme.digest, "budget": programme.budget}
    )
    fields = {
        "roles": sorted({role for member in cast.MEMBERS for role in member.roles}),
        "closes": wall_clock() + CALL_DAYS * DAY,
        "programme": programme.digest,
        "cohorts": commitments,
    }
    session.register(cast.AUTHORITY, "call-open", "call/first", fields)
    session.voice.tell(
        _("fixed before anyone submits: {cohorts} cohorts, one programme, at most {cap} yuan an award"),
        cohorts=len(commitments),
        cap=f"{programme.cap // 100:,}",
    )


def admit(session: Session) -> None:
    """Let each member apply with a key of its own, and the authority admit it."""
    applications = [
        (
            member.id,
            "member-apply",
            f"member/{member.id}",
            {
                "key": session.key(member.id).public.raw,
                "name": member.name,
                "roles": list(member.roles),
                "call": "call/first",
            },
        )
        for member in cast.MEMBERS
    ]
    session.register_many(applications)
    admissions = [
        (cast.AUTHORITY, "member-admit", f"member/{member.id}", {"roles": list(member.roles)})
        for member in cast.MEMBERS
    ]
    entries = session.register_many(admissions)
    session.facts["members"] = {member.id: answer.index for member, answer in zip(cast.MEMBERS, entries, strict=True)}
    session.voice.tell(_("{count} members applied with keys of their own and were admitted"), count=len(entries))
