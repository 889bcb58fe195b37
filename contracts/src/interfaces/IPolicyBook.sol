// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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
/// @param standby Who may prove a failover; the zero address if nobody.
/// @param modelVersion Content hash of the models that priced it.
/// @param nonce Any number this underwriter has not used.
/// @param deadline Last second of the offer; at most an hour ahead when it is used.
struct Quote {
    address pool;
    address asset;
    address buyer;
    bytes32 triggerId;
    Terms terms;
    uint64 start;
    uint64 end;
    address standby;
    uint96 premium;
    bytes32 modelVersion;
    uint256 nonce;
    uint64 deadline;
}

/// @notice A policy's state; its holder is the owner of the token.
/// @param owed Owed so far for all incidents together; never above the aggregate limit.
/// @param paid Sent so far for all incidents together.
/// @param released Whether its collateral is free again.
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
}

/// @notice Within which bounds cover on a trigger is sold.
/// @param floorRate Least premium, in basis points of the aggregate limit per year.
/// @param minimumWaiting Seconds. @param minimumSecondsToLimit Least seconds of downtime, beyond the waiting period, that reach the incident
/// limit, whatever the semantics and with the failover benefit.
/// @param minimumTerm Seconds. @param maximumTerm Seconds.
/// @param cap Most aggregate limit in force on the trigger's subject, over all buyers and all triggers of the subject.
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

    error NotListed(bytes32 triggerId);
    /// @param field Name of the quote's field. @param value What it is. @param bound What it must keep to.
    error QuoteOutOfBounds(string field, uint256 value, uint256 bound);
    error WrongQuote(string field);
    error NotUnderwriter(address signer);
    error BadSignature(address underwriter);
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
    /// @param field Name of the listing's field.
    error InvalidListing(string field);
    /// @param field Name of the constructor's argument.
    error InvalidSetup(string field);

    /// @notice Buys the cover that `quote` offers; the premium is taken from the buyer (who must have approved the pool).
    /// @dev Refused while a path of the trigger is alarmed, an incident is unsettled, or solvency would not hold.
    function buy(Quote calldata quote, address underwriter, bytes calldata signature)
        external
        returns (uint256 policyId);

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
    function policy(uint256 policyId) external view returns (Policy memory);
    /// @notice How many policies were sold; their ids are 1 to this.
    function policyCount() external view returns (uint256);
    function listing(bytes32 triggerId) external view returns (Listing memory);
    /// @notice What the policy is owed for the incident as confirmed so far, and what of it was paid (debt of the pool apart).
    /// @dev Debt is the policy's: once it is paid in part, incidents that share it each show the rest as theirs.
    function owedFor(uint256 policyId, uint256 sequence)
        external
        view
        returns (uint256 owed, uint256 paid, uint256 debt);
    /// @notice Whether the nonce of this underwriter is used.
    function nonceUsed(address underwriter, uint256 nonce) external view returns (bool);
    /// @notice When the standby last recorded a failover for the incident; zero if never.
    function activationOf(uint256 policyId, uint256 sequence) external view returns (uint64);
    /// @notice Sum of the aggregate limits of the unreleased policies on the trigger's subject, whatever their trigger: what the cap bounds.
    function inForce(bytes32 triggerId) external view returns (uint256);
    function underwriterOf(uint256 policyId) external view returns (address);
    /// @notice Most aggregate limit in force that the underwriter may have sold, and what is.
    function underwriterLimits(address underwriter) external view returns (uint256 cap, uint256 limitsInForce);
}
