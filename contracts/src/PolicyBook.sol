// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {PolicyToken} from "./PolicyToken.sol";
import {ICoverPool, Sale} from "./interfaces/ICoverPool.sol";
import {IIncidentBook, Incident, Span} from "./interfaces/IIncidentBook.sol";
import {IPolicyBook, Listing, Permit, Policy, Quote, Terms} from "./interfaces/IPolicyBook.sol";
import {IPolicyDescriptor} from "./interfaces/IPolicyDescriptor.sol";
import {Eligibility} from "./libraries/Eligibility.sol";
import {Payoff} from "./libraries/Payoff.sol";
import {PolicyRecord, Record, Shelf} from "./libraries/PolicyRecord.sol";
import {QuoteRules} from "./libraries/QuoteRules.sol";

/// @title PolicyBook
/// @notice See `IPolicyBook`.
contract PolicyBook is IPolicyBook, PolicyToken, EIP712, Ownable2Step, ReentrancyGuardTransient {
    using Payoff for Terms;
    using PolicyRecord for Record;
    using PolicyRecord for Shelf;
    using SafeCast for uint256;

    /// @dev A listed trigger, by number, so that a policy needs four bytes for what takes two slots.
    struct Cover {
        bytes32 triggerId;
        bytes32 subject;
    }

    /// @dev What a claim adds. @param limitDrop By how much the policy's next-incident limit falls.
    struct Due {
        uint256 amount;
        uint96 limitDrop;
    }

    /// @param cap Most aggregate limit in force that the signatures may have sold. @param inForce What they have.
    /// @param number Place in the list of underwriters, from one.
    struct Underwriter {
        uint96 cap;
        uint128 inForce;
        uint16 number;
    }

    uint256 internal constant MAXIMUM_CLAIMS = 64;
    uint256 internal constant INCIDENTS_PER_RELEASE = 32;
    /// @dev A policy's id is its underwriter's number, less one, and the quote's nonce: so a quote can't be bought twice, and neither a
    /// counter nor the nonces used need a slot.
    uint256 internal constant NONCE_BITS = 40;
    /// @dev What a cancellation keeps of the unearned premium, basis points.
    uint256 internal constant SHORT_RATE = 1_000;
    bytes4 internal constant ERC5646_ID = 0xf5112315;

    /// @inheritdoc IPolicyBook
    ICoverPool public immutable pool;
    /// @inheritdoc IPolicyBook
    IIncidentBook public immutable incidentBook;
    IPolicyDescriptor public immutable descriptor;
    uint256 private immutable _settlementWindow;

    mapping(uint256 policyId => Record) private _records;
    mapping(uint256 policyId => Span[]) private _exclusions;
    /// @dev Owed for incidents other than the one claimed last, by their marks, and for all of them: a policy that meets one incident, as
    /// nearly all do, writes neither.
    mapping(uint256 policyId => mapping(uint256 mark => uint256)) private _owedFor;
    mapping(uint256 policyId => uint256) private _owedBefore;
    /// @inheritdoc IPolicyBook
    mapping(uint256 policyId => mapping(uint256 sequence => uint64)) public activationOf;
    /// @inheritdoc IPolicyBook
    mapping(uint256 policyId => bytes32 order) public renewalOrdered;
    mapping(bytes32 triggerId => Shelf) private _shelves;
    mapping(address underwriter => Underwriter) private _underwriters;
    /// @dev Listed triggers and underwriters by their numbers, from one.
    uint16 private _coverCount;
    uint16 private _underwriterCount;
    mapping(uint256 number => Cover) private _coverOf;
    mapping(uint256 number => address) private _underwriterOf;

    /// @param pool_ The pool, whose address may be predicted. @param descriptor_ Who writes the tokens' metadata.
    constructor(address owner_, ICoverPool pool_, IIncidentBook book_, IPolicyDescriptor descriptor_)
        EIP712("PolicyBook", "1")
        Ownable(owner_)
    {
        if (address(pool_) == address(0)) revert InvalidSetup("pool");
        if (address(book_).code.length == 0) revert InvalidSetup("book");
        if (address(descriptor_).code.length == 0) revert InvalidSetup("descriptor");
        pool = pool_;
        incidentBook = book_;
        descriptor = descriptor_;
        _settlementWindow = book_.SETTLEMENT_WINDOW();
    }

    /* BUYING */

    /// @inheritdoc IPolicyBook
    function buy(Quote calldata quote, address underwriter, bytes calldata signature)
        external
        returns (uint256 policyId)
    {
        bool ordered = _isOrdered(quote, underwriter);
        if (msg.sender != quote.buyer && !ordered) revert WrongQuote("buyer");
        return _buy(quote, underwriter, signature, ordered);
    }

    /// @inheritdoc IPolicyBook
    function buyFor(Quote calldata quote, address underwriter, bytes calldata signature, bytes calldata acceptance)
        external
        returns (uint256 policyId)
    {
        if (!QuoteRules.hasSigned(quote.buyer, quoteDigest(quote), acceptance)) revert BadSignature(quote.buyer);
        return _buy(quote, underwriter, signature, false);
    }

    /// @inheritdoc IPolicyBook
    function buyWithPermit(Quote calldata quote, address underwriter, bytes calldata signature, Permit calldata permit)
        external
        returns (uint256 policyId)
    {
        if (msg.sender != quote.buyer) revert WrongQuote("buyer");
        QuoteRules.tryPermit(quote, pool, permit);
        return _buy(quote, underwriter, signature, _isOrdered(quote, underwriter));
    }

    /// @inheritdoc IPolicyBook
    function orderRenewal(Quote calldata quote, address underwriter, bytes calldata signature) external {
        if (msg.sender != quote.buyer) revert WrongQuote("buyer");
        _existing(quote.renews);
        _checkSeller(quote, underwriter);
        _check(quote, underwriter, signature);

        bytes32 order = _order(quote, underwriter);
        renewalOrdered[quote.renews] = order;

        emit RenewalOrdered(quote.renews, order);
    }

    function _buy(Quote calldata quote, address underwriter, bytes calldata signature, bool ordered)
        private
        nonReentrant
        returns (uint256 policyId)
    {
        policyId = _checkSeller(quote, underwriter);
        (bytes32 subject, uint256 incidents) = _check(quote, ordered ? address(0) : underwriter, signature);

        if (quote.renews != 0) _records[quote.renews].set(PolicyRecord.RENEWED);
        _write(policyId, quote, _takeCap(underwriter, quote.terms.aggregateLimit), incidents);
        // That the id is new was checked.
        _mintAndSetExtraDataUnchecked(quote.buyer, policyId, 0);

        emit PolicyBought(policyId, quote.triggerId, quote.buyer, underwriter, quote);
        // The trigger need not be quiet: the solvency check must see what it may have to pay.
        if (ordered) pool.poke(quote.triggerId);
        _sell(quote, subject);
    }

    function _sell(Quote calldata quote, bytes32 subject) private {
        pool.sell(
            Sale({
                triggerId: quote.triggerId,
                subject: subject,
                cap: _shelves[quote.triggerId].cap,
                incidentLimit: quote.terms.incidentLimit,
                aggregateLimit: quote.terms.aggregateLimit,
                premium: quote.premium,
                start: quote.start,
                end: quote.end,
                payer: quote.buyer
            })
        );
    }

    function _checkSeller(Quote calldata quote, address underwriter) private view returns (uint256 policyId) {
        Underwriter storage signer = _underwriters[underwriter];
        if (signer.cap == 0) revert NotUnderwriter(underwriter);
        uint256 nonce = quote.nonce;
        if (nonce == 0 || nonce >> NONCE_BITS != 0) revert QuoteOutOfBounds("nonce", nonce, (1 << NONCE_BITS) - 1);
        policyId = _idOf(signer.number, nonce);
        if (_exists(policyId)) revert NonceUsed(underwriter, nonce);
    }

    function _idOf(uint256 number, uint256 nonce) private pure returns (uint256) {
        return (number - 1) << NONCE_BITS | nonce;
    }

    /// @dev Whether the quote may be sold now. @param signer Who must have signed it; nobody if it was ordered.
    function _check(Quote calldata quote, address signer, bytes calldata signature)
        private
        view
        returns (bytes32 subject, uint256 incidents)
    {
        if (quote.renews != 0) {
            Record storage record = _existing(quote.renews);
            QuoteRules.checkRenewal(quote, record, _coverOf[record.cover].triggerId, ownerOf(quote.renews));
        }
        Shelf storage shelf = _shelves[quote.triggerId];
        return QuoteRules.check(quote, shelf, signer, signature, _domainSeparatorV4(), incidentBook, pool);
    }

    function _isOrdered(Quote calldata quote, address underwriter) private view returns (bool) {
        return quote.renews != 0 && renewalOrdered[quote.renews] == _order(quote, underwriter);
    }

    /// @dev The quote doesn't name who signed it, and its signature is not asked for again.
    function _order(Quote calldata quote, address underwriter) private view returns (bytes32) {
        return keccak256(abi.encode(quoteDigest(quote), underwriter));
    }

    /// @return number The underwriter's.
    function _takeCap(address underwriter, uint256 limit) private returns (uint16 number) {
        Underwriter storage signer = _underwriters[underwriter];
        uint256 signed = signer.inForce + limit;
        if (signed > signer.cap) revert CapExceeded("underwriter", signed, signer.cap);

        signer.inForce = uint128(signed);
        return signer.number;
    }

    function _write(uint256 policyId, Quote calldata quote, uint16 seller, uint256 incidents) private {
        _records[policyId].write(quote, _shelves[quote.triggerId].number, seller, incidents);
        for (uint256 i; i < quote.exclusions.length; ++i) {
            _exclusions[policyId].push(quote.exclusions[i]);
        }
    }

    /* CLAIMING */

    /// @inheritdoc IPolicyBook
    function claim(uint256 policyId, uint256 sequence) external nonReentrant returns (uint256 paid) {
        Record storage record = _existing(policyId);
        if (record.is_(PolicyRecord.RELEASED)) revert AlreadyReleased(policyId);
        Cover memory cover = _coverOf[record.cover];
        Incident memory incident = _incident(cover.triggerId, sequence);
        if (incident.coveredSeconds == 0) revert UnknownIncident(cover.triggerId, sequence);
        if (!_isCovered(record, cover.triggerId, sequence, incident)) {
            uint64 start = record.start;
            uint64 began = Eligibility.began(incidentBook, cover.triggerId, sequence, incident.from, start);
            revert NotCovered(policyId, began, start, record.end);
        }

        return _claim(policyId, record, cover, sequence, incident);
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

    function _claim(
        uint256 policyId,
        Record storage record,
        Cover memory cover,
        uint256 sequence,
        Incident memory incident
    ) private returns (uint256 sent) {
        uint256 already = _owedSoFar(policyId, record, sequence);
        uint256 owed = _owed(policyId, record, cover.triggerId, sequence, incident, already);
        // Covered seconds and proof never shrink, so neither does what is owed.
        if (owed <= already) return 0;

        Due memory due = _book(policyId, record, sequence, already, owed - already);
        uint256 debt;
        (sent, debt) = _pay(policyId, cover, sequence, due);

        emit ClaimPaid(policyId, cover.triggerId, sequence, ownerOf(policyId), owed, sent, debt);
    }

    function _pay(uint256 policyId, Cover memory cover, uint256 sequence, Due memory due)
        private
        returns (uint256 sent, uint256 debt)
    {
        address holder = ownerOf(policyId);
        return pool.pay(policyId, cover.triggerId, cover.subject, holder, due.amount, due.limitDrop, sequence);
    }

    /// @dev Takes in what is newly owed.
    function _book(uint256 policyId, Record storage record, uint256 sequence, uint256 already, uint256 newly)
        private
        returns (Due memory due)
    {
        uint256 owed = _getExtraData(policyId);
        (uint16 last, uint16 mark) = (record.lastClaimed, PolicyRecord.mark(sequence));
        if (last != mark) {
            if (last != 0) {
                _owedFor[policyId][last] = owed - _owedBefore[policyId];
                _owedBefore[policyId] = owed - already;
            }
            record.lastClaimed = mark;
        }
        _setExtraData(policyId, uint96(owed + newly));
        Terms memory terms = record.terms();
        return Due(newly, uint96(terms.nextIncidentLimit(owed) - terms.nextIncidentLimit(owed + newly)));
    }

    /// @dev What claims so far have taken in for the incident.
    function _owedSoFar(uint256 policyId, Record storage record, uint256 sequence) private view returns (uint256) {
        uint16 mark = PolicyRecord.mark(sequence);
        if (record.lastClaimed != mark) return _owedFor[policyId][mark];
        return _getExtraData(policyId) - _owedBefore[policyId];
    }

    /// @param already What is owed for this incident so far.
    function _owed(
        uint256 policyId,
        Record storage record,
        bytes32 triggerId,
        uint256 sequence,
        Incident memory incident,
        uint256 already
    ) private view returns (uint256) {
        Terms memory terms = record.terms();
        uint256 covered = incident.coveredSeconds;
        if (record.is_(PolicyRecord.EXCLUDES)) {
            covered = Eligibility.coveredOutside(incidentBook, triggerId, sequence, _exclusions[policyId]);
        }
        bool failover = terms.failoverBenefit > 0 && _failoverProven(policyId, sequence, incident);
        return terms.owed(covered, failover, _getExtraData(policyId) - already);
    }

    /// @dev By when it happened, never by when it was reported.
    function _isCovered(Record storage record, bytes32 triggerId, uint256 sequence, Incident memory incident)
        private
        view
        returns (bool)
    {
        (uint64 start, uint64 end) = (record.start, record.end);
        if (incident.from >= end || incident.from < start) return false;
        if (sequence == 0) return true;
        Incident memory before = _incident(triggerId, sequence - 1);
        if (before.coveredSeconds != 0 && before.until != incident.from) return true;
        return start <= Eligibility.began(incidentBook, triggerId, sequence, incident.from, start);
    }

    function _failoverProven(uint256 policyId, uint256 sequence, Incident memory incident) private view returns (bool) {
        uint256 activatedAt = activationOf[policyId][sequence];
        return activatedAt != 0 && incident.from <= activatedAt && activatedAt < incident.until;
    }

    /// @inheritdoc IPolicyBook
    function activateFailover(uint256 policyId) external nonReentrant {
        Record storage record = _existing(policyId);
        if (!record.is_(PolicyRecord.FAILOVER) || msg.sender != record.standby) revert NotStandby(msg.sender);

        Eligibility.activate(activationOf[policyId], incidentBook, _coverOf[record.cover].triggerId, policyId);
    }

    /* ENDING */

    /// @inheritdoc IPolicyBook
    function cancel(uint256 policyId) external nonReentrant returns (uint256 refund) {
        Record storage record = _existing(policyId);
        _checkManager(policyId);
        if (block.timestamp >= record.end) revert CoverOver(policyId, record.end);
        Cover memory cover = _coverOf[record.cover];
        (uint256 alarmed,) = incidentBook.alarms(cover.triggerId);
        if (alarmed != 0 || incidentBook.unsettled(cover.triggerId)) revert NotQuiet(cover.triggerId);
        if (Eligibility.evidencePending(incidentBook, cover.triggerId, uint64(block.timestamp))) {
            revert EvidencePending(cover.triggerId);
        }
        if (!_claimRest(policyId, record, cover)) return 0;
        uint256 owed = _getExtraData(policyId);
        if (owed > 0) revert OwedAlready(policyId, owed);

        uint32 end = record.end;
        record.end = uint32(block.timestamp);
        record.set(PolicyRecord.CANCELLED);
        refund = _refund(record, cover.triggerId, end, ownerOf(policyId));

        emit PolicyCancelled(policyId, uint64(block.timestamp), refund);
    }

    function _refund(Record storage record, bytes32 triggerId, uint64 end, address holder) private returns (uint256) {
        uint256 kept = incidentBook.impaired(triggerId) ? 0 : SHORT_RATE;
        return pool.refund(triggerId, record.premium, record.start, end, kept, holder);
    }

    /// @inheritdoc IPolicyBook
    function release(uint256 policyId) external nonReentrant {
        Record storage record = _existing(policyId);
        if (record.is_(PolicyRecord.RELEASED)) revert AlreadyReleased(policyId);
        Cover memory cover = _coverOf[record.cover];
        (,, uint256 tail,) = incidentBook.triggerRules(cover.triggerId);
        uint64 end = record.end;
        // What was cancelled before it began can be owed nothing.
        if (end <= record.start) tail = 0;
        if (block.timestamp <= end + tail) revert NotReleasable(policyId, uint64(end + tail));
        if (Eligibility.unsettled(incidentBook, cover.triggerId, record.nextIncident, end, _settlementWindow)) {
            revert TriggerUnsettled(cover.triggerId);
        }
        if (!_claimRest(policyId, record, cover)) return;
        if (Eligibility.evidencePending(incidentBook, cover.triggerId, end)) revert EvidencePending(cover.triggerId);

        Terms memory terms = record.terms();
        uint256 owed = _getExtraData(policyId);
        record.set(PolicyRecord.RELEASED);
        _underwriters[_underwriterOf[record.underwriter]].inForce -= terms.aggregateLimit;

        emit PolicyReleased(policyId);
        uint96 limit = uint96(terms.nextIncidentLimit(owed));
        pool.unlock(cover.triggerId, cover.subject, limit, uint96(terms.aggregateLimit - owed));
    }

    /// @dev Pays what incidents of the cover still owe, so that ending never costs a claim. @return done Whether none is left.
    function _claimRest(uint256 policyId, Record storage record, Cover memory cover) private returns (bool done) {
        uint256 count = incidentBook.incidentCount(cover.triggerId);
        uint256 sequence = record.nextIncident;
        uint256 stop = Math.min(count, sequence + INCIDENTS_PER_RELEASE);
        for (; sequence < stop; ++sequence) {
            Incident memory incident = _incident(cover.triggerId, sequence);
            if (incident.coveredSeconds > 0 && _isCovered(record, cover.triggerId, sequence, incident)) {
                _claim(policyId, record, cover, sequence, incident);
            }
        }
        record.nextIncident = sequence.toUint24();
        return sequence == count;
    }

    /* LISTING */

    /// @inheritdoc IPolicyBook
    function list(bytes32 triggerId, Listing calldata newListing) external onlyOwner {
        (bytes32 subject,,,) = incidentBook.triggerRules(triggerId);
        Shelf storage shelf = _shelves[triggerId];
        if (shelf.number == 0) {
            shelf.number = ++_coverCount;
            _coverOf[_coverCount] = Cover(triggerId, subject);
        }
        shelf.list(newListing);
        emit TriggerListed(triggerId, newListing);
    }

    /// @inheritdoc IPolicyBook
    function stopSales(bytes32 triggerId) external onlyOwner {
        if (_shelves[triggerId].minimumTerm == 0) revert NotListed(triggerId);

        _shelves[triggerId].open = false;
        emit SalesStopped(triggerId);
    }

    /// @inheritdoc IPolicyBook
    function setUnderwriter(address underwriter, uint96 cap) external onlyOwner {
        // Nobody: what could not be recovered is no signature of theirs.
        if (underwriter == address(0)) revert NotUnderwriter(underwriter);
        Underwriter storage signer = _underwriters[underwriter];
        if (signer.number == 0) {
            signer.number = ++_underwriterCount;
            _underwriterOf[signer.number] = underwriter;
        }
        signer.cap = cap;
        emit UnderwriterSet(underwriter, cap);
    }

    /* VIEWS */

    /// @inheritdoc IPolicyBook
    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return QuoteRules.digest(quote, _domainSeparatorV4());
    }

    /// @inheritdoc IPolicyBook
    function policy(uint256 policyId) external view returns (Policy memory) {
        Record storage record = _existing(policyId);
        uint96 owed = _getExtraData(policyId);
        return Policy({
            triggerId: _coverOf[record.cover].triggerId,
            terms: record.terms(),
            start: record.start,
            end: record.end,
            standby: record.standby,
            premium: record.premium,
            owed: owed,
            paid: uint96(owed - pool.debtOf(policyId)),
            released: record.is_(PolicyRecord.RELEASED),
            cancelled: record.is_(PolicyRecord.CANCELLED),
            renewed: record.is_(PolicyRecord.RENEWED),
            exclusions: _exclusions[policyId]
        });
    }

    /// @inheritdoc IPolicyBook
    function owedFor(uint256 policyId, uint256 sequence)
        external
        view
        returns (uint256 owed, uint256 paid, uint256 debt)
    {
        Record storage record = _existing(policyId);
        bytes32 triggerId = _coverOf[record.cover].triggerId;
        Incident memory incident = _incident(triggerId, sequence);
        uint256 already = _owedSoFar(policyId, record, sequence);
        owed = already;
        if (!record.is_(PolicyRecord.RELEASED) && _isCovered(record, triggerId, sequence, incident)) {
            owed = _owed(policyId, record, triggerId, sequence, incident, already);
        }
        debt = Math.min(already, pool.debtOf(policyId));
        paid = already - debt;
    }

    /// @inheritdoc IPolicyBook
    function getStateFingerprint(uint256 policyId) external view returns (bytes32) {
        return _existing(policyId).fingerprint(policyId, _getExtraData(policyId), pool.debtOf(policyId));
    }

    /// @inheritdoc ERC721
    function tokenURI(uint256 policyId) public view override returns (string memory) {
        _existing(policyId);
        return descriptor.tokenURI(this, policyId);
    }

    /// @inheritdoc ERC721
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == ERC5646_ID || super.supportsInterface(interfaceId);
    }

    /// @inheritdoc IPolicyBook
    function listing(bytes32 triggerId) external view returns (Listing memory) {
        return _shelves[triggerId].listing();
    }

    /// @inheritdoc IPolicyBook
    function policyIdOf(address underwriter, uint256 nonce) external view returns (uint256) {
        uint256 number = _underwriters[underwriter].number;
        if (number == 0) revert NotUnderwriter(underwriter);
        return _idOf(number, nonce);
    }

    /// @inheritdoc IPolicyBook
    function underwriterOf(uint256 policyId) external view returns (address) {
        return _underwriterOf[_existing(policyId).underwriter];
    }

    /// @inheritdoc IPolicyBook
    function underwriterLimits(address underwriter) external view returns (uint256 cap, uint256 limitsInForce) {
        return (_underwriters[underwriter].cap, _underwriters[underwriter].inForce);
    }

    function _incident(bytes32 triggerId, uint256 sequence) private view returns (Incident memory) {
        return incidentBook.incident(triggerId, sequence);
    }

    function _existing(uint256 policyId) private view returns (Record storage record) {
        record = _records[policyId];
        if (record.cover == 0) revert UnknownPolicy(policyId);
    }
}
