// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IncidentInvariants} from "../test/invariant/Incidents.t.sol";

/// @title All invariants of incidents checked along the same sequence of moves, as in `CoverCampaign`
contract IncidentCampaign is IncidentInvariants {
    function invariant_AllOfThem() public view {
        invariant_WhatIsConfirmedWasDownAndNeitherAnnouncedNorStruckOut();
        invariant_ConfirmedSecondsNeverShrink();
        invariant_IncidentsFollowOneAnother();
        invariant_ListsOfCutsAreSortedAndApart();
    }
}
