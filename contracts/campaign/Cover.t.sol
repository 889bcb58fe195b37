// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CoverInvariants} from "../test/invariant/Cover.t.sol";

/// @title All invariants of the cover checked along the same sequence of moves
/// @dev Each invariant for itself would repeat every sequence; for a long campaign that is most of the time. `make test` runs them apart, so
/// that a failure has a name of its own.
contract CoverCampaign is CoverInvariants {
    function invariant_AllOfThem() public view {
        invariant_CountedAssetsAndWhatIsSetAsideAreTheTokensHeld();
        invariant_EarnedAndUnearnedAreWritten();
        invariant_APolicyGetsWhatItIsOwedAndNeverMoreThanItsLimits();
        invariant_ExposureAndLimitsAreTheSumsOverPolicies();
        invariant_TheReserveIsTheSumOverTriggersAndNeverAboveTheirLimits();
        invariant_DebtsAreTheSumOverPolicies();
        invariant_WhatIsSetAsideCoversCreditsAndSettledRequests();
        invariant_PendingSharesAreHeldByThePool();
    }
}
