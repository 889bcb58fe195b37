// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RealPaths} from "./RealPaths.sol";

/// @title What proposing and confirming cost over four real paths, the incident long under way
/// @dev `forge test --isolate --match-contract IncidentGas --gas-report` prints what each costs as a transaction of its own.
contract IncidentGasTest is RealPaths {
    uint256 private constant PROPOSE_GAS = 250_000;
    uint256 private constant CONFIRM_GAS = 200_000;

    function test_ProposingAndConfirmingStayWithinTheirBounds() public {
        beats(SUBJECT, 0, 0);
        beats(CONTROL, 0, 1 hours);
        for (uint64 told = 1 hours; told < 9 hours; told += 1 hours) {
            beats(CONTROL, told + PERIOD, told + 30 minutes);
            report(0, told - 1 hours + 60, told + 30 minutes, false);
            report(1, told - 1 hours + 90, told + 30 minutes, false);
            uint256 left = gasleft();
            (, uint256 checkpoint) = book.propose(id);
            uint256 proposing = left - gasleft();
            beats(CONTROL, told + 30 minutes + PERIOD, told + 1 hours);
            left = gasleft();
            book.confirm(id, checkpoint);
            uint256 confirming = left - gasleft();
            // What the first ones cost is no steady state.
            if (told == 1 hours) continue;
            assertLe(proposing, PROPOSE_GAS, "propose");
            assertLe(confirming, CONFIRM_GAS, "confirm");
        }
    }
}
