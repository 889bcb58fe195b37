// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/interfaces/IPolicyBook.sol";
import {Payoff} from "../../src/libraries/Payoff.sol";

/// @title Lets a test of another language run the compiled payoff on many inputs at once
contract PayoffHarness {
    /// @notice `Payoff.owed` item by item.
    function owedMany(
        Terms[] calldata terms,
        uint64[] calldata covered,
        bool[] calldata failover,
        uint96[] calldata elsewhere
    ) external pure returns (uint256[] memory owed) {
        owed = new uint256[](terms.length);
        for (uint256 i; i < terms.length; ++i) {
            owed[i] = Payoff.owed(terms[i], covered[i], failover[i], elsewhere[i]);
        }
    }
}
