// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../../src/interfaces/IIncidentBook.sol";
import {Sweep, Track} from "../../src/libraries/Sweep.sol";

/// @notice One question to the sweep.
struct Case {
    Track[] tracks;
    uint256 quorum;
    uint64 since;
    uint64 cap;
    uint64 minimum;
    uint64 gap;
    uint64 longest;
    uint256 most;
}

/// @notice Its answer: what is covered, and the incident that it makes.
struct Answer {
    Span[] covered;
    Span[] group;
}

/// @title Asks the sweep many questions in one call, so that another implementation can be held against it
contract SweepHarness {
    function sweepMany(Case[] memory cases) external pure returns (Answer[] memory answers) {
        answers = new Answer[](cases.length);
        for (uint256 i; i < cases.length; i++) {
            Case memory each = cases[i];
            Span[] memory covered = Sweep.covered(each.tracks, each.quorum, each.since, each.cap);
            Span[] memory long = Sweep.dropShort(covered, each.minimum);
            answers[i] = Answer(covered, Sweep.firstGroup(long, each.gap, each.longest, each.most));
        }
    }
}
