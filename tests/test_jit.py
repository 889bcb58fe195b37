"""What `pricing_models.jit` promises: machine code is kept, and never outlives a change of any kernel file."""

import shutil
import subprocess
import sys

from numba import config

from pricing_models import jit
from pricing_models.simulate import draws

KERNEL = """
from kernels.jit import compiled
from kernels.{callee} import value

@compiled
def twice():
    return 2 * value()

print(twice(), twice.stats.cache_path)
"""
CALLEE = """
from kernels.jit import compiled

@compiled
def value():
    return {number}
"""


def test_machine_code_is_kept_under_the_hash_of_all_kernel_files():
    assert jit._fingerprint() in draws.philox.stats.cache_path
    assert jit._fingerprint() not in str(config.CACHE_DIR)


def test_a_kernel_is_compiled_anew_when_its_callee_in_another_file_changes(tmp_path):
    folder = tmp_path / "kernels"
    folder.mkdir()
    shutil.copy(jit.__file__, folder / "jit.py")
    (folder / "caller.py").write_text(KERNEL.format(callee="callee"))
    told = []
    for number in (1, 1, 5):
        (folder / "callee.py").write_text(CALLEE.format(number=number))
        # -B: Python's own cache takes files of one size, changed within one second, for the same
        ask = [sys.executable, "-B", "-c", "import kernels.caller"]
        ran = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=True)
        told.append(ran.stdout.split())
    assert [each[0] for each in told] == ["2", "2", "10"]
    assert told[0][1] == told[1][1] != told[2][1]


NOWHERE = """
import logging

import numpy as np
from numba.core import caching

caching.CacheImpl._locator_classes = []
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
from pricing_models import kernels

print(kernels.horner.stats.cache_path, kernels.horner(np.array([[2.0 + 0.0j]]), np.array([[1.0, 3.0]])))
"""


def test_where_machine_code_can_be_kept_nowhere_that_is_told_and_it_is_made_all_the_same():
    ran = subprocess.run([sys.executable, "-c", NOWHERE], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["None", "[[7.+0.j]]"]
    assert ran.stderr.count("pricing_models.jit WARNING machine code can be kept nowhere") == 1
