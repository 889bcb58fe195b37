// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The pool's money at a glance, smallest units of the asset.
/// @param assets Counted assets: what came in less what went out, never `balanceOf`.
/// @param unearned Premium that is not yet the stakers'.
/// @param debts Owed to policies and not yet paid for want of assets.
/// @param claimable Set aside for settled redemptions and credits; not in `assets`.
/// @param reserve Remaining incident limits of alarmed or unsettled triggers.
/// @param maturedExits Value of shares whose redemption has matured and could not be settled yet.
/// @param exposed Largest sum of remaining limits over the scenarios.
/// @param free What a further sale may add to the largest scenario.
/// @param supply Shares.
struct Solvency {
    uint256 assets;
    uint256 unearned;
    uint256 debts;
    uint256 claimable;
    uint256 reserve;
    uint256 maturedExits;
    uint256 exposed;
    uint256 free;
    uint256 supply;
}

/// @notice Cover to be sold.
/// @param cap Most that the policies on the subject may be owed yet, this one included.
struct Sale {
    bytes32 triggerId;
    bytes32 subject;
    uint96 cap;
    uint96 incidentLimit;
    uint96 aggregateLimit;
    uint96 premium;
    uint64 start;
    uint64 end;
    address payer;
}

/// @title Whose money: ERC-4626 deposits and ERC-7540 redemption in daily batches, priced net of the reserve
/// @dev Sales, claims and releases are told by the policy book's events, once. What is earned of a premium follows from the time alone.
/// Assumes of the asset: no fee on transfer (checked), no rebasing, at most 18 decimals.
interface ICoverPool {
    /// @dev ERC-7540.
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    /// @dev ERC-7540.
    event OperatorSet(address indexed controller, address indexed operator, bool approved);
    event RedeemSettled(uint256 indexed batch, uint256 shares, uint256 assets, bool whole);
    event ReserveLatched(bytes32 indexed triggerId, uint256 amount, bool incident);
    event ReserveReleased(bytes32 indexed triggerId);
    /// @param kept What of the unearned premium is earned by that.
    event PremiumRefunded(bytes32 indexed triggerId, address indexed to, uint256 amount, uint256 kept);
    event DebtPaid(uint256 indexed policyId, address indexed to, uint256 amount);
    event CreditRecorded(address indexed to, uint256 amount);
    event CreditWithdrawn(address indexed to, uint256 amount);
    event ScenarioAdded(uint256 indexed scenario, string name);
    event ScenarioMember(uint256 indexed scenario, bytes32 indexed subject);

    error NotPolicyBook(address caller);
    error NotOwnerOrOperator(address caller);
    /// @dev Deposits wait while a reserve stands: the price would hide a possible loss.
    error ReserveStands(uint256 reserve);
    /// @dev Call `accrue` until it has caught up.
    error CatchUpNeeded(uint64 accruedUpTo);
    error Insolvent(uint256 scenario, uint256 exposed, uint256 available);
    error NoScenario(bytes32 subject);
    error CapExceeded(string cap, uint256 wanted, uint256 maximum);
    error TooManyScenarios(uint256 maximum);
    error BatchNotMature(uint256 batch, uint64 maturesAt);
    /// @param pending Shares in the oldest batch. @param net What all shares are worth. @param room What may leave the pool.
    error NothingToSettle(uint256 pending, uint256 net, uint256 room);
    error NothingClaimable(address controller);
    error FeeOnTransfer(uint256 expected, uint256 received);
    error SynchronousRedemptionUnavailable();
    error ZeroAmount();
    /// @dev Deposits and refunds wait while claims are owed that the pool could not pay.
    error DebtsStand(uint256 debts);
    /// @dev Deposits wait while a share is worth less than a thousandth of the first price: what is left would be bought for nothing.
    error PriceTooLow(uint256 assets, uint256 shares);
    /// @dev The triggers named lock less than all do. @param given Sum of their incident limits. @param needed Sum over all triggers.
    error TriggersMissing(uint256 given, uint256 needed);
    /// @dev Each trigger must be named once, in ascending order.
    error TriggersNotAscending(bytes32 triggerId);
    /// @dev The pool itself can't receive what it pays.
    error InvalidReceiver(address receiver);
    error UnknownScenario(uint256 scenario);
    error AlreadyInScenario(uint256 scenario, bytes32 subject);
    /// @param field Name of the constructor's argument.
    error InvalidSetup(string field);
    /// @dev The caller sent too little gas for the asset's transfer: a payment can't be turned into a credit that way.
    error NotEnoughGas(uint256 left, uint256 needed);

    /// @notice Releases earned premium to the stakers up to now; bounded, resumable, by anyone.
    function accrue() external;
    /// @notice Latches or releases the reserve of a trigger by what the incident book says now; by anyone.
    /// @dev An unsettled incident holds what it can still be owed. An alarm alone holds one incident's limits for at most 24 hours, and a
    /// family for at most 72 hours in any 30 days, counted by the time it held while something was insured; until it is seen silent it
    /// does not begin another hold. Beyond that an alarm only stops sales. A reserve that should have lapsed stands until somebody pokes:
    /// deposits wait for that, while `settle` and `payDebt` poke themselves.
    function poke(bytes32 triggerId) external;
    /// @notice Settles as much of the oldest matured batch as solvency leaves, at the price of now net of the reserve; by anyone.
    /// @dev The price must not hang on what was poked when: a reserve that is missing would let holders leave ahead of a loss, one that is
    /// stale would take from them. So each trigger with limits in force is poked here. The caller names them because a list kept by the
    /// contract would be a loop without bound; the sum of their limits shows that none is missing.
    /// A loss is priced by its reserve until its incident is settled, a fixed window (`IIncidentBook.SETTLEMENT_WINDOW`) after it is final.
    /// `claim` and `release` are anybody's, and a keeper claims within minutes: what nobody claimed within the window is, until it is
    /// claimed, in no price.
    /// @param triggers All triggers with limits in force, in ascending order; others among them do no harm.
    function settle(bytes32[] calldata triggers) external returns (uint256 batch, uint256 shares, uint256 assets);
    /// @notice Pays debt recorded for a policy as far as assets beyond the reserve allow, to the policy's holder; by anyone.
    /// @dev Pokes as `settle` does. Debts are paid in the order in which somebody asks for them, not in proportion: that matters only where
    /// the assets fall short of what is owed already, not of what may yet be.
    /// @param triggers As for `settle`.
    function payDebt(uint256 policyId, bytes32[] calldata triggers) external returns (uint256 paid);
    /// @notice Sends the caller's credit (payments whose transfer failed) to `to`.
    function withdrawCredit(address to) external returns (uint256 amount);

    /// @notice ERC-7540: queues shares for the batch of today; irrevocable; shares stay at risk until settled.
    /// @dev The batch is the number of the UTC day; it matures a cooldown after that day's end. At most eight batches outstanding per
    /// controller; requests of one day join. Nobody can fill another's queue: a controller who is not the owner must be the caller or
    /// have approved it as operator.
    /// @return requestId The batch.
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);
    function setOperator(address operator, bool approved) external returns (bool);
    function isOperator(address controller, address operator) external view returns (bool);
    /// @notice ERC-7575: the share token is this contract.
    function share() external view returns (address);

    /// @notice Adds a scenario (at most 32; append-only). Only the owner.
    function addScenario(string calldata name) external returns (uint256 scenario);
    /// @notice Puts a subject into a scenario (at most 8 each; append-only), with its limits in force. Only the owner.
    function addToScenario(uint256 scenario, bytes32 subject) external;

    /// @notice Only the policy book: takes the premium from the payer, locks the limits, checks cap and solvency.
    function sell(Sale calldata sale) external;
    /// @notice Only the policy book: pays a claim, pro rata if the assets fall short of the worst that may be due; the rest is debt.
    /// @dev The worst is one incident on every trigger at once: what unsettled incidents can still be owed and, where none is latched, one
    /// incident's limits. So the part is the same whoever claims first and whether or not the others' triggers were poked, and never too
    /// large; what it leaves as debt, `payDebt` pays as soon as all triggers are seen to need less. (A trigger whose incident settled and was
    /// not poked since counts with what is left of that incident.)
    /// @param amount Newly owed. @param incidentLimitDrop By how much the policy's next-incident limit falls. @param sequence The incident.
    /// @return sent Paid or credited now. @return debt Recorded as debt now.
    function pay(
        uint256 policyId,
        bytes32 triggerId,
        bytes32 subject,
        address to,
        uint256 amount,
        uint96 incidentLimitDrop,
        uint256 sequence
    ) external returns (uint256 sent, uint256 debt);
    /// @notice Only the policy book: pays back unearned premium of a policy that is cancelled, as far as assets cover unearned premium.
    /// @dev Claims rank before refunds: refused while debts stand, and what the reserve holds is not touched, as far as triggers were poked.
    /// Refunds rank before shares. Where assets don't cover all unearned premium, each gets the part that they cover of it now.
    /// @param premium What was written for [start, end). @param keptBps What of its unearned part is kept, basis points.
    /// @return amount Paid or credited to `to`, rounded down.
    function refund(bytes32 triggerId, uint96 premium, uint64 start, uint64 end, uint256 keptBps, address to)
        external
        returns (uint256 amount);
    /// @notice Only the policy book: frees the limits of an ended policy.
    function unlock(bytes32 triggerId, bytes32 subject, uint96 incidentLimit, uint96 aggregateLimit) external;

    /// @notice Whether premium is accrued up to now, no reserve and no debt stands, and shares are not nearly worthless: then the share
    /// price is what deposits pay.
    function priceReliable() external view returns (bool);
    function solvency() external view returns (Solvency memory);
    /// @notice Premium ever received less refunds, and what of it was earned by now; the rest is unearned.
    function premiums() external view returns (uint256 written, uint256 earned);
    /// @notice Up to which second premium was released by the last accrual.
    function accruedUpTo() external view returns (uint64);
    /// @notice Seconds from the end of a batch's day until it matures.
    function cooldown() external view returns (uint64);
    function policyBook() external view returns (address);
    /// @notice Permit2, through which premium and deposits are taken where the pool's own allowance does not suffice; zero if there is none.
    function permit2() external view returns (address);
    function incidentBook() external view returns (address);
    /// @notice A redemption batch: shares requested, shares settled, assets they were settled for, and when it matures.
    function redeemBatch(uint256 batch)
        external
        view
        returns (uint256 shares, uint256 settled, uint256 assets, uint64 maturesAt);
    function scenarioCount() external view returns (uint256);
    /// @notice Sum of the remaining limits in force of the scenario's subjects.
    function scenarioExposure(uint256 scenario) external view returns (uint256);
    /// @notice The scenarios of a subject as a bit set.
    function scenariosOf(bytes32 subject) external view returns (uint256);
    /// @notice What the policies on a trigger can still be owed: by one further incident, and by all.
    function limitsOf(bytes32 triggerId) external view returns (uint256 incidentLimits, uint256 aggregateLimits);
    function reserveOf(bytes32 triggerId) external view returns (uint256);
    function exposureOf(bytes32 subject) external view returns (uint256);
    function debtOf(uint256 policyId) external view returns (uint256);
    function creditOf(address to) external view returns (uint256);
}
