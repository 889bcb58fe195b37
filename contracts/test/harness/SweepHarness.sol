// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../../src/interfaces/IIncidentBook.sol";
import {Sweep, Track} from "../../src/libraries/Sweep.sol";

/// @notice One question to the sweep. @param earlier Spans from before, which are united and cut with what is found.
struct Case {
    Track[] tracks;
    uint256 quorum;
    uint64 since;
    uint64 cap;
    uint64 minimum;
    uint64 gap;
    uint64 longest;
    uint256 most;
    Span[] earlier;
}

/// @notice Its answer: what is covered, the incident that it makes, its seconds, and what the spans from before do with it.
struct Answer {
    Span[] covered;
    Span[] group;
    uint64 measure;
    Span[] united;
    Span[] unitedUpTo;
    Span[] shared;
}

/// @title Asks the sweep many questions in one call, so that another implementation can be held against it
contract SweepHarness {
    function sweepMany(Case[] memory cases) external pure returns (Answer[] memory answers) {
        answers = new Answer[](cases.length);
        for (uint256 i; i < cases.length; ++i) {
            Case memory each = cases[i];
            Answer memory answer = answers[i];
            answer.covered = Sweep.covered(each.tracks, each.quorum, each.since, each.cap);
            Span[] memory long = Sweep.dropShort(answer.covered, each.minimum);
            answer.group = Sweep.firstGroup(long, each.gap, each.longest, each.most);
            answer.measure = Sweep.measure(answer.group);
            answer.united = Sweep.unite(each.earlier, long);
            answer.unitedUpTo = Sweep.uniteUpTo(each.earlier, long, each.most);
            answer.shared = Sweep.intersect(each.earlier, long, each.since, each.cap);
        }
    }
}
