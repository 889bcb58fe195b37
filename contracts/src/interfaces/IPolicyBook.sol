// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICoverPool} from "./ICoverPool.sol";
import {IIncidentBook, Span} from "./IIncidentBook.sol";

/// @notice RETENTION pays only the excess over the waiting period; QUALIFYING pays from the first second once it is exceeded.
enum Semantics {
    RETENTION,
    QUALIFYING
}

/// @notice What cover pays.
/// @param waiting Waiting period, seconds.
/// @param rate Smallest units of the asset per covered second.
/// @param failoverBenefit Lump sum when a failover is proven in a qualifying incident; inside the incident limit.
/// @param incidentLimit Most that one incident pays.
/// @param aggregateLimit Most that all incidents together pay.
struct Terms {
    uint32 waiting;
    Semantics semantics;
    uint64 rate;
    uint96 failoverBenefit;
    uint96 incidentLimit;
    uint96 aggregateLimit;
}

/// @notice An offer signed by an underwriter (EIP-712; the domain holds chain and contract).
/// @param start First second of cover; at least the trigger's cooling-off after the sale.
/// @param end First second after cover.
/// @param exclusions Up to four windows, ascending and disjoint, whose seconds are not covered.
/// @param standby Who may prove a failover; the zero address if nobody. Kept only if there is a benefit.
/// @param modelVersion Content hash of the models that priced it.
/// @param renews The policy that this one continues without a gap on the same terms; zero if none.
/// @param nonce Any number from 1 to 2^40 - 1 that this underwriter has not used; with the underwriter it is the policy's id.
/// @param deadline Last second of the offer; at most an hour ahead when it is used, or ordered if it renews.
struct Quote {
    address pool;
    address asset;
    address buyer;
    bytes32 triggerId;
    Terms terms;
    uint64 start;
    uint64 end;
    Span[] exclusions;
    address standby;
    uint96 premium;
    bytes32 modelVersion;
    uint256 renews;
    uint256 nonce;
    uint64 deadline;
}

/// @notice The buyer's leave to take the premium, by signature instead of an allowance made before.
/// @param permit2 Whether it is for Permit2 (whose `PermitSingle` the pool is the spender of), else for the asset's own ERC-2612.
/// @param amount Up to how much. @param expiration Permit2 only: until when. @param nonce Permit2 only.
/// @param deadline Last second of the signature.
struct Permit {
    bool permit2;
    uint160 amount;
    uint48 expiration;
    uint48 nonce;
    uint256 deadline;
    bytes signature;
}

/// @notice A policy's state; its holder is the owner of the token.
/// @param end First second after cover: that of the quote, or of the cancellation.
/// @param owed Owed so far for all incidents together; never above the aggregate limit.
/// @param paid Sent so far for all incidents together.
/// @param released Whether its collateral is free again.
/// @param cancelled Whether its holder ended it early. @param renewed Whether another policy continues it.
struct Policy {
    bytes32 triggerId;
    Terms terms;
    uint64 start;
    uint64 end;
    address standby;
    uint96 premium;
    uint96 owed;
    uint96 paid;
    bool released;
    bool cancelled;
    bool renewed;
    Span[] exclusions;
}

/// @notice Within which bounds cover on a trigger is sold.
/// @param floorRate Least premium, in basis points of the aggregate limit per year.
/// @param minimumWaiting Seconds. @param minimumSecondsToLimit Least seconds of downtime, beyond the waiting period, that reach the incident
/// limit, whatever the semantics and with the failover benefit.
/// @param minimumTerm Seconds. @param maximumTerm Seconds.
/// @param cap Most that the policies on the trigger's subject may be owed yet, over all buyers and all triggers of the subject.
/// @param open Whether new cover is sold.
struct Listing {
    uint32 floorRate;
    uint32 minimumWaiting;
    uint32 minimumSecondsToLimit;
    uint32 minimumTerm;
    uint32 maximumTerm;
    uint96 cap;
    bool open;
}

/// @title Who is owed what: policies as ERC-721 tokens, sold by signed quote, paid without anyone filing a claim
/// @dev Policies and triggers in force can't be touched by anyone; the owner lists, adds underwriters and stops new sales.
interface IPolicyBook {
    event TriggerListed(bytes32 indexed triggerId, Listing listing);
    event SalesStopped(bytes32 indexed triggerId);
    event UnderwriterSet(address indexed underwriter, uint96 cap);
    event PolicyBought(
        uint256 indexed policyId, bytes32 indexed triggerId, address indexed buyer, address underwriter, Quote quote
    );
    /// @param owed Owed now for this incident in all. @param paid Sent by this claim. @param debt Recorded by this claim as debt of the pool.
    event ClaimPaid(
        uint256 indexed policyId,
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        address to,
        uint256 owed,
        uint256 paid,
        uint256 debt
    );
    /// @dev Emitted by `claimMany` for an item that could not be claimed, with the revert data.
    event ClaimSkipped(uint256 indexed policyId, uint256 indexed sequence, bytes reason);
    event FailoverActivated(uint256 indexed policyId, uint256 indexed sequence, uint64 activatedAt);
    event PolicyReleased(uint256 indexed policyId);
    /// @param end When its cover ended. @param refund What of the premium was paid back.
    event PolicyCancelled(uint256 indexed policyId, uint64 end, uint256 refund);
    /// @param order `renewalOrdered`.
    event RenewalOrdered(uint256 indexed policyId, bytes32 order);

    error NotListed(bytes32 triggerId);
    /// @param field Name of the quote's field. @param value What it is. @param bound What it must keep to.
    error QuoteOutOfBounds(string field, uint256 value, uint256 bound);
    error WrongQuote(string field);
    error NotUnderwriter(address signer);
    /// @param signer Who should have signed: the underwriter, or the buyer whom somebody else buys for.
    error BadSignature(address signer);
    error NonceUsed(address underwriter, uint256 nonce);
    error SalesClosed(bytes32 triggerId);
    /// @dev A path is alarmed, an incident is unsettled, or too few families are live.
    error NotQuiet(bytes32 triggerId);
    error CapExceeded(string cap, uint256 wanted, uint256 maximum);
    error UnknownPolicy(uint256 policyId);
    error UnknownIncident(bytes32 triggerId, uint256 sequence);
    /// @param incidentFrom When the outage began: what is cut at the longest incident's length is still one outage.
    error NotCovered(uint256 policyId, uint64 incidentFrom, uint64 start, uint64 end);
    error NotStandby(address caller);
    error NotReleasable(uint256 policyId, uint64 releasableAt);
    error TooMany(uint256 items, uint256 maximum);
    error LengthMismatch(uint256 policyIds, uint256 sequences);
    error AlreadyReleased(uint256 policyId);
    /// @dev An incident that began before the policy's end, or may have, is open, or final for less than the settlement window.
    error TriggerUnsettled(bytes32 triggerId);
    /// @dev The paths show downtime that nobody has proposed yet and that may be the policy's.
    error EvidencePending(bytes32 triggerId);
    /// @dev What is owed for was in force: it can't be cancelled any more.
    error OwedAlready(uint256 policyId, uint256 owed);
    error NotHolder(uint256 policyId, address caller);
    error EtherNotTaken(uint256 value);
    error CoverOver(uint256 policyId, uint64 end);
    /// @dev Cancelled, or continued already.
    error NotRenewable(uint256 policyId);
    /// @param field Name of the listing's field.
    error InvalidListing(string field);
    /// @param field Name of the constructor's argument.
    error InvalidSetup(string field);

    /// @notice Buys the cover that `quote` offers; the premium is taken from the buyer (who has approved the pool, or Permit2 for it).
    /// @dev By the buyer; a renewal that the buyer has ordered by anyone. Refused while a path of the trigger is alarmed, an incident is
    /// unsettled, its attestations are not paid for until the end, or solvency would not hold. Cover starts after the cooling-off.
    ///
    /// A renewal (`quote.renews`) continues a policy of the buyer's without a gap: the same trigger, terms and standby, from that one's
    /// end on, bought before it, once. It needs no cooling-off; and if it was ordered while the trigger was quiet, no quiet either.
    function buy(Quote calldata quote, address underwriter, bytes calldata signature)
        external
        returns (uint256 policyId);

    /// @notice `buy` by anyone for a buyer who has signed the quote too (ECDSA, or ERC-1271 of a contract); the buyer pays the premium.
    function buyFor(Quote calldata quote, address underwriter, bytes calldata signature, bytes calldata acceptance)
        external
        returns (uint256 policyId);

    /// @notice `buy` after trying the permit. It need not succeed: somebody may have used it already, and an allowance may do.
    function buyWithPermit(Quote calldata quote, address underwriter, bytes calldata signature, Permit calldata permit)
        external
        returns (uint256 policyId);

    /// @notice Orders a renewal while the trigger is quiet: from now to the end of the policy that it continues anyone may buy it for the
    /// buyer, whatever happens to the trigger in between. Takes the place of an earlier order. Only by the buyer.
    /// @dev Who signed what before an alarm can't be known from a signature: so the order is put on the chain while nothing is known.
    /// Warning: a buyer who withholds the allowance until an alarm comes has that option until the first policy ends, which the price of a
    /// renewal that is ordered early must bear. What begins before that end is the first policy's all the same.
    function orderRenewal(Quote calldata quote, address underwriter, bytes calldata signature) external;

    /// @notice Ends a policy now; only by its holder or whom the holder has approved. Its limits stay locked through the tail.
    /// @dev Pays back the premium that is unearned from the next day boundary on, less a tenth (short rate), rounded down; the whole of it
    /// while the trigger is impaired. Refused once anything is owed, and while the trigger is alarmed or unsettled, or its paths show what
    /// nobody has proposed yet. Looks at 32 incidents a call: after more, call again until `PolicyCancelled`.
    function cancel(uint256 policyId) external returns (uint256 refund);

    /// @notice Computes and pays what `policyId` is owed for the incident; anyone may call it, twice is harmless.
    /// @dev An incident counts, in whole, if it began while the policy was in force; one that begins where the one before it ended goes on
    /// with it, and counts only if the first of them began at the policy's start or later.
    /// @return paid Sent by this call.
    function claim(uint256 policyId, uint256 sequence) external returns (uint256 paid);

    /// @notice `claim` for up to 64 items; a bad one is skipped with an event and never spoils the rest.
    function claimMany(uint256[] calldata policyIds, uint256[] calldata sequences) external returns (uint256 paid);

    /// @notice Records that the insured application has moved to its standby chain; only by the quote's standby address.
    /// @dev Now is recorded for the next incident, and for the open one if there is one: what is open may be over already. It is proof for
    /// the incident if it lies in its confirmed [from, until), so never for two. Recording again replaces what was recorded, except for an
    /// incident whose start is frozen and not after it: the benefit is paid once an incident.
    function activateFailover(uint256 policyId) external;

    /// @notice Frees the collateral of a policy that can't be owed anything more; by anyone, after its end and the trigger's tail.
    /// @dev Pays first what incidents of the cover still owe, at most 32 of them a call: after more, call again until `PolicyReleased`.
    /// Refused while an incident that began before the policy's end is unsettled, or the paths show something older than that end which is
    /// not proposed yet. An outage that began later holds nothing up, however long it lasts.
    function release(uint256 policyId) external;

    /// @notice Lists a trigger or changes the bounds of new sales; cover in force is untouched. Only the owner.
    function list(bytes32 triggerId, Listing calldata listing) external;
    function stopSales(bytes32 triggerId) external;
    /// @notice Most aggregate limit in force that the underwriter's signatures may have sold; zero removes the underwriter. Only the owner.
    function setUnderwriter(address underwriter, uint96 cap) external;

    function quoteDigest(Quote calldata quote) external view returns (bytes32);
    /// @notice The renewal that is ordered for a policy: keccak256 of its quote's digest and of its underwriter; zero if none.
    function renewalOrdered(uint256 policyId) external view returns (bytes32 order);
    /// @notice ERC-5646: changes with every payment, debt, cancellation, renewal and release; a buyer of the token can insist on it.
    function getStateFingerprint(uint256 policyId) external view returns (bytes32);
    function pool() external view returns (ICoverPool);
    function incidentBook() external view returns (IIncidentBook);
    function policy(uint256 policyId) external view returns (Policy memory);
    function listing(bytes32 triggerId) external view returns (Listing memory);
    /// @notice What the policy is owed for the incident as confirmed so far, and what of it was paid (debt of the pool apart).
    /// @dev Debt is the policy's: once it is paid in part, incidents that share it each show the rest as theirs.
    function owedFor(uint256 policyId, uint256 sequence)
        external
        view
        returns (uint256 owed, uint256 paid, uint256 debt);
    /// @notice The id of the policy that a quote of this nonce makes: the underwriter's number, from zero, times 2^40, and the nonce.
    function policyIdOf(address underwriter, uint256 nonce) external view returns (uint256 policyId);
    /// @notice When the standby last recorded a failover for the incident; zero if never.
    function activationOf(uint256 policyId, uint256 sequence) external view returns (uint64);
    function underwriterOf(uint256 policyId) external view returns (address);
    /// @notice Most aggregate limit in force that the underwriter may have sold, and what is.
    function underwriterLimits(address underwriter) external view returns (uint256 cap, uint256 limitsInForce);
}
