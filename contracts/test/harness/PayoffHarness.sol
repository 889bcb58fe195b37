// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/interfaces/IPolicyBook.sol";
import {Payoff} from "../../src/libraries/Payoff.sol";

/// @notice One question to the payoff.
struct PayoffCase {
    Terms terms;
    uint256 covered;
    bool failover;
    uint256 owedElsewhere;
}

/// @title Lets a test of another language run the compiled payoff on many inputs at once
contract PayoffHarness {
    /// @notice `Payoff.owed` item by item.
    function owedMany(PayoffCase[] calldata cases) external pure returns (uint256[] memory owed) {
        owed = new uint256[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            owed[i] = Payoff.owed(cases[i].terms, cases[i].covered, cases[i].failover, cases[i].owedElsewhere);
        }
    }
}
