// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {ICoverPool} from "./interfaces/ICoverPool.sol";
import {IIncidentBook, Incident, Span} from "./interfaces/IIncidentBook.sol";
import {IPolicyBook, Listing, Policy, Quote, Semantics, Terms} from "./interfaces/IPolicyBook.sol";
import {Payoff} from "./libraries/Payoff.sol";
import {QuoteHash} from "./libraries/QuoteHash.sol";

/// @title PolicyBook
/// @notice See `IPolicyBook`.
contract PolicyBook is IPolicyBook, ERC721, EIP712, Ownable2Step, ReentrancyGuardTransient {
    using BitMaps for BitMaps.BitMap;
    using Payoff for Terms;
    using SafeCast for uint256;

    /// @dev `Policy` packed. @param nextIncident Every earlier incident of the trigger is dealt with or can't concern the policy.
    struct Record {
        bytes32 triggerId;
        address standby;
        uint96 premium;
        address underwriter;
        uint40 start;
        uint40 end;
        bool released;
        uint96 owed;
        uint64 nextIncident;
        Terms terms;
    }

    /// @param owed Of one incident, taken in by claims so far. @param debt What of it the pool could not send.
    struct Due {
        uint96 owed;
        uint96 debt;
    }

    /// @param cap Most aggregate limit in force that the signatures may have sold. @param inForce What they have.
    struct Underwriter {
        uint96 cap;
        uint128 inForce;
    }

    uint256 internal constant MAXIMUM_CLAIMS = 64;
    uint256 internal constant INCIDENTS_PER_RELEASE = 32;
    uint64 internal constant MAXIMUM_OFFER = 1 hours;
    uint64 internal constant MAXIMUM_LEAD = 30 days;
    uint32 internal constant LEAST_TERM = 1 days;
    uint256 internal constant LONGEST_INCIDENT = 168 hours;
    uint256 internal constant BASIS_POINTS = 10_000;
    uint256 internal constant SIGNATURE_GAS = 200_000;

    ICoverPool public immutable pool;
    IIncidentBook public immutable incidentBook;
    uint256 private immutable _settlementWindow;

    /// @inheritdoc IPolicyBook
    uint256 public policyCount;
    mapping(uint256 policyId => Record) private _records;
    mapping(uint256 policyId => mapping(uint256 sequence => Due)) private _dues;
    /// @inheritdoc IPolicyBook
    mapping(uint256 policyId => mapping(uint256 sequence => uint64)) public activationOf;
    mapping(bytes32 triggerId => Listing) private _listings;
    mapping(bytes32 subject => uint256) private _inForce;
    mapping(address underwriter => Underwriter) private _underwriters;
    mapping(address underwriter => BitMaps.BitMap) private _nonces;

    /// @param pool_ The pool, whose address may be predicted.
    constructor(address owner_, ICoverPool pool_, IIncidentBook book_)
        ERC721("Downtime Cover", "COVER")
        EIP712("PolicyBook", "1")
        Ownable(owner_)
    {
        if (address(pool_) == address(0)) revert InvalidSetup("pool");
        if (address(book_).code.length == 0) revert InvalidSetup("book");
        pool = pool_;
        incidentBook = book_;
        _settlementWindow = book_.SETTLEMENT_WINDOW();
    }

    /* BUYING */

    /// @inheritdoc IPolicyBook
    function buy(Quote calldata quote, address underwriter, bytes calldata signature)
        external
        nonReentrant
        returns (uint256 policyId)
    {
        _checkOffer(quote, underwriter, signature);
        bytes32 subject = _checkTerms(quote);
        if (!incidentBook.quiet(quote.triggerId)) revert NotQuiet(quote.triggerId);

        _nonces[underwriter].set(quote.nonce);
        _takeCaps(subject, _listings[quote.triggerId].cap, underwriter, quote.terms.aggregateLimit);
        policyId = ++policyCount;
        _record(policyId, quote, underwriter);
        _mint(quote.buyer, policyId);

        emit PolicyBought(policyId, quote.triggerId, quote.buyer, underwriter, quote);
        pool.sell(
            quote.triggerId,
            subject,
            quote.terms.incidentLimit,
            quote.terms.aggregateLimit,
            quote.premium,
            quote.start,
            quote.end,
            quote.buyer
        );
    }

    /// @dev Who offers what to whom, until when.
    function _checkOffer(Quote calldata quote, address underwriter, bytes calldata signature) private view {
        if (quote.buyer != msg.sender) revert WrongQuote("buyer");
        if (quote.pool != address(pool)) revert WrongQuote("pool");
        if (quote.asset != IERC4626(address(pool)).asset()) revert WrongQuote("asset");
        if (quote.deadline < block.timestamp) revert QuoteOutOfBounds("deadline", quote.deadline, block.timestamp);
        uint256 latest = block.timestamp + MAXIMUM_OFFER;
        if (quote.deadline > latest) revert QuoteOutOfBounds("deadline", quote.deadline, latest);
        if (_underwriters[underwriter].cap == 0) revert NotUnderwriter(underwriter);
        if (_nonces[underwriter].get(quote.nonce)) revert NonceUsed(underwriter, quote.nonce);
        if (!_hasSigned(underwriter, quoteDigest(quote), signature)) revert BadSignature(underwriter);
    }

    /// @dev ERC-1271 where the underwriter is a contract, at bounded cost.
    function _hasSigned(address underwriter, bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (underwriter.code.length == 0) {
            (address recovered, ECDSA.RecoverError why,) = ECDSA.tryRecoverCalldata(digest, signature);
            return why == ECDSA.RecoverError.NoError && recovered == underwriter;
        }
        try IERC1271(underwriter).isValidSignature{gas: SIGNATURE_GAS}(digest, signature) returns (bytes4 answer) {
            return answer == IERC1271.isValidSignature.selector;
        } catch {
            return false;
        }
    }

    /// @dev Whether the terms keep to the listing and to the trigger's rules, however they are signed.
    function _checkTerms(Quote calldata quote) private view returns (bytes32 subject) {
        Listing memory bounds = _listings[quote.triggerId];
        if (bounds.minimumTerm == 0) revert NotListed(quote.triggerId);
        if (!bounds.open) revert SalesClosed(quote.triggerId);

        uint256 coolingOff;
        uint256 tail;
        uint256 challengePeriod;
        (subject, coolingOff, tail, challengePeriod) = incidentBook.triggerRules(quote.triggerId);

        uint256 earliest = block.timestamp + coolingOff;
        _atLeast("start", quote.start, earliest);
        _atMost("start", quote.start, earliest + MAXIMUM_LEAD);
        _atLeast("end", quote.end, uint256(quote.start) + bounds.minimumTerm);
        _atMost("end", quote.end, uint256(quote.start) + bounds.maximumTerm);

        Terms memory terms = quote.terms;
        _atLeast("waiting", terms.waiting, bounds.minimumWaiting);
        _atLeast("rate", terms.rate, 1);
        _atMost("incidentLimit", terms.incidentLimit, terms.aggregateLimit);
        // Neither the benefit nor the seconds that the waiting period pays in arrears may reach the limit sooner.
        uint256 least = bounds.minimumSecondsToLimit;
        if (terms.semantics == Semantics.QUALIFYING) least += terms.waiting;
        _atLeast("incidentLimit", terms.incidentLimit, Math.max(1, terms.rate * least + terms.failoverBenefit));
        _atLeast("premium", quote.premium, _floorPremiumUp(terms, bounds.floorRate, quote.end - quote.start));
        // Else a claim could be cut by the end of the tail, and the payoff were no function of covered seconds.
        _atLeast("tail", tail, terms.secondsToLimitUp(LONGEST_INCIDENT) + challengePeriod);
    }

    function _floorPremiumUp(Terms memory terms, uint256 floorRate, uint256 term) private pure returns (uint256) {
        return Math.mulDiv(terms.aggregateLimit, floorRate * term, BASIS_POINTS * 365 days, Math.Rounding.Ceil);
    }

    function _atLeast(string memory field, uint256 value, uint256 bound) private pure {
        if (value < bound) revert QuoteOutOfBounds(field, value, bound);
    }

    function _atMost(string memory field, uint256 value, uint256 bound) private pure {
        if (value > bound) revert QuoteOutOfBounds(field, value, bound);
    }

    function _takeCaps(bytes32 subject, uint256 cap, address underwriter, uint256 limit) private {
        uint256 onSubject = _inForce[subject] + limit;
        if (onSubject > cap) revert CapExceeded("subject", onSubject, cap);
        Underwriter storage signer = _underwriters[underwriter];
        uint256 signed = signer.inForce + limit;
        if (signed > signer.cap) revert CapExceeded("underwriter", signed, signer.cap);

        _inForce[subject] = onSubject;
        signer.inForce = uint128(signed);
    }

    function _record(uint256 policyId, Quote calldata quote, address underwriter) private {
        Record storage record = _records[policyId];
        record.triggerId = quote.triggerId;
        record.standby = quote.standby;
        record.premium = quote.premium;
        record.underwriter = underwriter;
        record.start = uint256(quote.start).toUint40();
        record.end = uint256(quote.end).toUint40();
        // Incidents up to now began before the cover.
        record.nextIncident = incidentBook.incidentCount(quote.triggerId).toUint64();
        record.terms = quote.terms;
    }

    /* CLAIMING */

    /// @inheritdoc IPolicyBook
    function claim(uint256 policyId, uint256 sequence) external nonReentrant returns (uint256 paid) {
        Record storage record = _existing(policyId);
        if (record.released) revert AlreadyReleased(policyId);
        Incident memory incident = _incident(record.triggerId, sequence);
        if (incident.coveredSeconds == 0) revert UnknownIncident(record.triggerId, sequence);
        if (!_covers(record, sequence, incident)) {
            revert NotCovered(policyId, _began(record, sequence, incident), record.start, record.end);
        }

        return _claim(policyId, record, sequence, incident);
    }

    /// @inheritdoc IPolicyBook
    function claimMany(uint256[] calldata policyIds, uint256[] calldata sequences) external returns (uint256 paid) {
        if (policyIds.length > MAXIMUM_CLAIMS) revert TooMany(policyIds.length, MAXIMUM_CLAIMS);
        if (policyIds.length != sequences.length) revert LengthMismatch(policyIds.length, sequences.length);

        for (uint256 i; i < policyIds.length; ++i) {
            try this.claim(policyIds[i], sequences[i]) returns (uint256 sent) {
                paid += sent;
            } catch (bytes memory reason) {
                emit ClaimSkipped(policyIds[i], sequences[i], reason);
            }
        }
    }

    function _claim(uint256 policyId, Record storage record, uint256 sequence, Incident memory incident)
        private
        returns (uint256 sent)
    {
        Due storage due = _dues[policyId][sequence];
        uint256 owedElsewhere = record.owed - due.owed;
        bool failover = _failoverProven(policyId, sequence, incident);
        uint256 owed = Payoff.owed(record.terms, incident.coveredSeconds, failover, owedElsewhere);
        // Covered seconds and proof never shrink, so neither does what is owed.
        uint256 newly = owed - due.owed;
        if (newly == 0) return 0;

        due.owed = uint96(owed);
        uint256 debt;
        (sent, debt) = _pay(policyId, record, sequence, newly);
        if (debt > 0) due.debt += uint96(debt);

        emit ClaimPaid(policyId, record.triggerId, sequence, ownerOf(policyId), owed, sent, debt);
    }

    function _pay(uint256 policyId, Record storage record, uint256 sequence, uint256 newly)
        private
        returns (uint256 sent, uint256 debt)
    {
        Terms memory terms = record.terms;
        bytes32 triggerId = record.triggerId;
        uint256 limitBefore = terms.nextIncidentLimit(record.owed);
        record.owed += uint96(newly);

        return pool.pay(
            policyId,
            triggerId,
            _subjectOf(triggerId),
            ownerOf(policyId),
            newly,
            uint96(limitBefore - terms.nextIncidentLimit(record.owed)),
            sequence
        );
    }

    /// @dev By when it happened, never by when it was reported.
    function _covers(Record storage record, uint256 sequence, Incident memory incident) private view returns (bool) {
        return incident.from < record.end && record.start <= _began(record, sequence, incident);
    }

    /// @dev When the outage began. An incident that begins where the one before it ended is the same outage, cut at its greatest length.
    /// Looks no further back than the policy's start.
    function _began(Record storage record, uint256 sequence, Incident memory incident)
        private
        view
        returns (uint64 from)
    {
        from = incident.from;
        while (sequence > 0 && from >= record.start) {
            Incident memory before = incidentBook.incident(record.triggerId, --sequence);
            // One of which nothing was confirmed leaves no trace.
            if (before.coveredSeconds == 0) continue;
            if (before.until != from) break;
            from = before.from;
        }
    }

    function _failoverProven(uint256 policyId, uint256 sequence, Incident memory incident) private view returns (bool) {
        uint256 activatedAt = activationOf[policyId][sequence];
        return activatedAt != 0 && incident.from <= activatedAt && activatedAt < incident.until;
    }

    /// @inheritdoc IPolicyBook
    function activateFailover(uint256 policyId) external nonReentrant {
        Record storage record = _existing(policyId);
        if (msg.sender != record.standby) revert NotStandby(msg.sender);

        bytes32 triggerId = record.triggerId;
        uint256 sequence = incidentBook.incidentCount(triggerId);
        Incident memory incident;
        if (sequence > 0) {
            incident = incidentBook.incident(triggerId, sequence - 1);
            if (incident.finalAt == 0) --sequence;
            else delete incident;
        }
        uint64 recorded = activationOf[policyId][sequence];
        // The first activation since a frozen start proves whatever a later one would.
        if (recorded == 0 || incident.from == 0 || recorded < incident.from) {
            _recordActivation(policyId, sequence);
        }
        // The open incident may be over already, or leave no trace: then this is the next one's.
        if (incident.proposedAt != 0) _recordActivation(policyId, sequence + 1);
    }

    function _recordActivation(uint256 policyId, uint256 sequence) private {
        activationOf[policyId][sequence] = uint64(block.timestamp);
        emit FailoverActivated(policyId, sequence, uint64(block.timestamp));
    }

    /* RELEASING */

    /// @inheritdoc IPolicyBook
    function release(uint256 policyId) external nonReentrant {
        Record storage record = _existing(policyId);
        if (record.released) revert AlreadyReleased(policyId);
        bytes32 triggerId = record.triggerId;
        (bytes32 subject,, uint256 tail,) = incidentBook.triggerRules(triggerId);
        uint256 releasableAt = record.end + tail;
        if (block.timestamp <= releasableAt) revert NotReleasable(policyId, uint64(releasableAt));
        if (_unsettledFor(record)) revert TriggerUnsettled(triggerId);
        if (!_claimRest(policyId, record)) return;
        if (_evidencePending(record)) revert EvidencePending(triggerId);

        Terms memory terms = record.terms;
        uint256 remaining = terms.aggregateLimit - record.owed;
        record.released = true;
        _inForce[subject] -= terms.aggregateLimit;
        _underwriters[record.underwriter].inForce -= terms.aggregateLimit;

        emit PolicyReleased(policyId);
        pool.unlock(triggerId, subject, uint96(terms.nextIncidentLimit(record.owed)), uint96(remaining));
    }

    /// @dev Pays what incidents of the cover still owe, so that ending never costs a claim. @return done Whether none is left.
    function _claimRest(uint256 policyId, Record storage record) private returns (bool done) {
        bytes32 triggerId = record.triggerId;
        uint256 count = incidentBook.incidentCount(triggerId);
        uint256 sequence = record.nextIncident;
        uint256 stop = Math.min(count, sequence + INCIDENTS_PER_RELEASE);
        for (; sequence < stop; ++sequence) {
            Incident memory incident = incidentBook.incident(triggerId, sequence);
            if (incident.coveredSeconds > 0 && _covers(record, sequence, incident)) {
                _claim(policyId, record, sequence, incident);
            }
        }
        record.nextIncident = uint64(sequence);
        return sequence == count;
    }

    /// @dev Whether an incident that began before the cover's end, or may have, is not settled. Later ones are none of the policy's.
    function _unsettledFor(Record storage record) private view returns (bool) {
        bytes32 triggerId = record.triggerId;
        bool pending;
        for (uint256 next = incidentBook.incidentCount(triggerId); next > record.nextIncident; --next) {
            Incident memory incident = incidentBook.incident(triggerId, next - 1);
            bool settled = incident.finalAt != 0 && block.timestamp >= incident.finalAt + _settlementWindow;
            if (incident.coveredSeconds == 0) {
                if (incident.finalAt == 0) pending = true;
            } else if (incident.from < record.end) {
                // A pending one begins where this one ends, or later.
                return !settled || (pending && incident.until < record.end);
            } else {
                pending = false;
            }
            // Incidents settle in order.
            if (settled) break;
        }
        return pending;
    }

    /// @dev Whether the paths show what is not proposed yet and began before the cover's end. Something older than the cover counts too:
    /// the sweep shows one incident at a time, so it may hide a later one.
    function _evidencePending(Record storage record) private view returns (bool) {
        (Span[] memory spans,) = incidentBook.sweep(record.triggerId);
        return spans.length > 0 && spans[0].from < record.end;
    }

    /* LISTING */

    /// @inheritdoc IPolicyBook
    function list(bytes32 triggerId, Listing calldata newListing) external onlyOwner {
        if (_subjectOf(triggerId) == 0) revert NotListed(triggerId);
        if (newListing.minimumTerm < LEAST_TERM) revert InvalidListing("minimumTerm");
        if (newListing.maximumTerm < newListing.minimumTerm) revert InvalidListing("maximumTerm");

        _listings[triggerId] = newListing;
        emit TriggerListed(triggerId, newListing);
    }

    /// @inheritdoc IPolicyBook
    function stopSales(bytes32 triggerId) external onlyOwner {
        if (_listings[triggerId].minimumTerm == 0) revert NotListed(triggerId);

        _listings[triggerId].open = false;
        emit SalesStopped(triggerId);
    }

    /// @inheritdoc IPolicyBook
    function setUnderwriter(address underwriter, uint96 cap) external onlyOwner {
        _underwriters[underwriter].cap = cap;
        emit UnderwriterSet(underwriter, cap);
    }

    /* VIEWS */

    /// @inheritdoc IPolicyBook
    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return _hashTypedDataV4(QuoteHash.hash(quote));
    }

    /// @inheritdoc IPolicyBook
    function policy(uint256 policyId) external view returns (Policy memory) {
        Record storage record = _existing(policyId);
        return Policy({
            triggerId: record.triggerId,
            terms: record.terms,
            start: record.start,
            end: record.end,
            standby: record.standby,
            premium: record.premium,
            owed: record.owed,
            paid: uint96(record.owed - pool.debtOf(policyId)),
            released: record.released
        });
    }

    /// @inheritdoc IPolicyBook
    function inForce(bytes32 triggerId) external view returns (uint256) {
        return _inForce[_subjectOf(triggerId)];
    }

    /// @inheritdoc IPolicyBook
    function listing(bytes32 triggerId) external view returns (Listing memory) {
        return _listings[triggerId];
    }

    /// @inheritdoc IPolicyBook
    function owedFor(uint256 policyId, uint256 sequence)
        external
        view
        returns (uint256 owed, uint256 paid, uint256 debt)
    {
        Record storage record = _existing(policyId);
        Incident memory incident = _incident(record.triggerId, sequence);
        Due memory due = _dues[policyId][sequence];
        owed = due.owed;
        if (!record.released && _covers(record, sequence, incident)) {
            owed = Payoff.owed(
                record.terms,
                incident.coveredSeconds,
                _failoverProven(policyId, sequence, incident),
                record.owed - due.owed
            );
        }
        debt = Math.min(due.debt, pool.debtOf(policyId));
        paid = due.owed - debt;
    }

    /// @inheritdoc IPolicyBook
    function nonceUsed(address underwriter, uint256 nonce) external view returns (bool) {
        return _nonces[underwriter].get(nonce);
    }

    /// @inheritdoc IPolicyBook
    function underwriterOf(uint256 policyId) external view returns (address) {
        return _existing(policyId).underwriter;
    }

    /// @inheritdoc IPolicyBook
    function underwriterLimits(address underwriter) external view returns (uint256 cap, uint256 limitsInForce) {
        return (_underwriters[underwriter].cap, _underwriters[underwriter].inForce);
    }

    function _existing(uint256 policyId) private view returns (Record storage record) {
        record = _records[policyId];
        if (record.triggerId == 0) revert UnknownPolicy(policyId);
    }

    function _incident(bytes32 triggerId, uint256 sequence) private view returns (Incident memory) {
        if (sequence >= incidentBook.incidentCount(triggerId)) revert UnknownIncident(triggerId, sequence);
        return incidentBook.incident(triggerId, sequence);
    }

    function _subjectOf(bytes32 triggerId) private view returns (bytes32 subject) {
        (subject,,,) = incidentBook.triggerRules(triggerId);
    }
}
