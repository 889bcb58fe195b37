// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "../Test.sol";

/// @title What the symbolic tests share
/// @dev They are run by halmos, which tries every value of the arguments of a function `check_...` at once; `assert` states what must hold.
/// `forge test` doesn't run them. Where a property is out of the solver's reach at full width, the test bounds it and says so.
abstract contract Proof {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
}
