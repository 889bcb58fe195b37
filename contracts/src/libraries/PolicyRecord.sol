// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IPolicyBook, Listing, Quote, Semantics, Terms} from "../interfaces/IPolicyBook.sol";

/// @notice A policy as stored: two slots, a third if it has a failover. What it is owed in all stands beside its holder, in the slot of
/// the token's owner, which a sale writes anyway and a claim reads anyway.
/// @dev First slot, full: what it is, and how far it has come. Second slot, full: what it can be owed.
/// @param cover Number of its listed trigger. @param underwriter Number of who signed it.
/// @param start Good until the year 2106, as is `end`.
/// @param nextIncident Every earlier incident of the trigger is dealt with or can't concern the policy.
/// @param lastClaimed Which incident was claimed last (`PolicyRecord.mark`); zero if none was.
/// @param flags Bits, see `PolicyRecord`.
struct Record {
    uint16 cover;
    uint16 underwriter;
    uint32 start;
    uint32 end;
    uint24 waiting;
    uint24 nextIncident;
    uint16 lastClaimed;
    uint8 flags;
    uint88 premium;
    uint96 incidentLimit;
    uint96 aggregateLimit;
    uint64 rate;
    uint96 failoverBenefit;
    address standby;
}

/// @notice A `Listing` as stored, with its trigger's number beside it: two slots.
struct Shelf {
    uint32 floorRate;
    uint32 minimumWaiting;
    uint32 minimumSecondsToLimit;
    uint32 minimumTerm;
    uint32 maximumTerm;
    uint96 cap;
    bool open;
    uint16 number;
}

/// @title How a quote becomes a record, and a record terms
library PolicyRecord {
    using SafeCast for uint256;

    uint8 internal constant QUALIFYING = 1;
    /// @dev It has a failover.
    uint8 internal constant FAILOVER = 2;
    /// @dev It has windows that are not covered.
    uint8 internal constant EXCLUDES = 4;
    uint8 internal constant CANCELLED = 8;
    uint8 internal constant RENEWED = 16;
    uint8 internal constant RELEASED = 32;
    uint32 private constant LEAST_TERM = 1 days;
    uint32 private constant LONGEST_TERM = 366 days;

    function write(Record storage self, Quote calldata quote, uint16 cover, uint16 underwriter, uint256 incidents)
        internal
    {
        Terms calldata terms_ = quote.terms;
        Record memory fresh;
        (fresh.cover, fresh.underwriter) = (cover, underwriter);
        (fresh.start, fresh.end) = (uint256(quote.start).toUint32(), uint256(quote.end).toUint32());
        fresh.waiting = uint256(terms_.waiting).toUint24();
        fresh.nextIncident = incidents.toUint24();
        fresh.premium = uint256(quote.premium).toUint88();
        if (terms_.semantics == Semantics.QUALIFYING) fresh.flags = QUALIFYING;
        if (quote.exclusions.length > 0) fresh.flags |= EXCLUDES;
        // Without a benefit there is nothing to prove, and nobody to prove it.
        if (terms_.failoverBenefit > 0) {
            fresh.flags |= FAILOVER;
            (self.failoverBenefit, self.standby) = (terms_.failoverBenefit, quote.standby);
        }
        (fresh.incidentLimit, fresh.aggregateLimit) = (terms_.incidentLimit, terms_.aggregateLimit);
        fresh.rate = terms_.rate;
        _store(self, fresh);
    }

    /// @dev In one go, so that each slot is written once.
    function _store(Record storage self, Record memory fresh) private {
        self.cover = fresh.cover;
        self.underwriter = fresh.underwriter;
        self.start = fresh.start;
        self.end = fresh.end;
        self.waiting = fresh.waiting;
        self.nextIncident = fresh.nextIncident;
        self.flags = fresh.flags;
        self.premium = fresh.premium;
        self.incidentLimit = fresh.incidentLimit;
        self.aggregateLimit = fresh.aggregateLimit;
        self.rate = fresh.rate;
    }

    function terms(Record storage self) internal view returns (Terms memory) {
        return Terms({
            waiting: self.waiting,
            semantics: is_(self, QUALIFYING) ? Semantics.QUALIFYING : Semantics.RETENTION,
            rate: self.rate,
            failoverBenefit: is_(self, FAILOVER) ? self.failoverBenefit : 0,
            incidentLimit: self.incidentLimit,
            aggregateLimit: self.aggregateLimit
        });
    }

    function is_(Record storage self, uint8 flag) internal view returns (bool) {
        return self.flags & flag != 0;
    }

    function set(Record storage self, uint8 flag) internal {
        self.flags |= flag;
    }

    /// @notice An incident's number in two bytes, from one. Two incidents share one only if 65,535 lie between them: within a cover of at
    /// most 366 days and its tail that would be one every ten minutes without a pause. Then the second is paid what it owes above the first.
    function mark(uint256 sequence) internal pure returns (uint16) {
        return uint16(sequence % type(uint16).max) + 1;
    }

    /// @notice Stores a listing whose terms are within what a policy can hold.
    function list(Shelf storage self, Listing calldata listing_) external {
        if (listing_.minimumTerm < LEAST_TERM) revert IPolicyBook.InvalidListing("minimumTerm");
        if (listing_.maximumTerm < listing_.minimumTerm || listing_.maximumTerm > LONGEST_TERM) {
            revert IPolicyBook.InvalidListing("maximumTerm");
        }

        self.floorRate = listing_.floorRate;
        self.minimumWaiting = listing_.minimumWaiting;
        self.minimumSecondsToLimit = listing_.minimumSecondsToLimit;
        self.minimumTerm = listing_.minimumTerm;
        self.maximumTerm = listing_.maximumTerm;
        self.cap = listing_.cap;
        self.open = listing_.open;
    }

    function listing(Shelf storage self) internal view returns (Listing memory) {
        return Listing({
            floorRate: self.floorRate,
            minimumWaiting: self.minimumWaiting,
            minimumSecondsToLimit: self.minimumSecondsToLimit,
            minimumTerm: self.minimumTerm,
            maximumTerm: self.maximumTerm,
            cap: self.cap,
            open: self.open
        });
    }

    /// @notice What of a policy changes, in one word. @param owed Owed in all. @param debt What of it the pool owes still.
    function fingerprint(Record storage self, uint256 policyId, uint256 owed, uint256 debt)
        external
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(policyId, self.end, self.flags, owed, debt));
    }
}
