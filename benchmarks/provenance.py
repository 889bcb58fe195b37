"""When, where and of which commit figures were measured: what stands beside them in `results/`."""

import platform
import subprocess
from datetime import UTC, datetime

ON_ANVIL = "anvil on the same machine"


def provenance(command: str, circumstances: str) -> dict[str, str]:
    """Day, machine with the `circumstances`, commit, and the command that measures again."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()} {platform.system()}, {circumstances}",
        "commit": commit.stdout.strip(),
        "command": command,
    }
