// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20, IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ERC20, ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ICoverPool, Sale, Solvency} from "./interfaces/ICoverPool.sol";
import {IIncidentBook, Incident} from "./interfaces/IIncidentBook.sol";
import {IPermit2} from "./interfaces/IPermit2.sol";
import {AlarmHold} from "./libraries/AlarmHold.sol";
import {PremiumStream} from "./libraries/PremiumStream.sol";
import {RedeemQueue} from "./libraries/RedeemQueue.sol";
import {TolerantTransfer} from "./libraries/TolerantTransfer.sol";

/// @title CoverPool
/// @notice See `ICoverPool`.
/// @dev Money moves only by deposit, sale, refund, claim, settled redemption and credit. The owner can add scenarios and nothing else.
contract CoverPool is ICoverPool, ERC4626, Ownable2Step, ReentrancyGuardTransient, IERC165 {
    using AlarmHold for AlarmHold.Hold;
    using Math for uint256;
    using PremiumStream for PremiumStream.Stream;
    using RedeemQueue for RedeemQueue.Queue;
    using SafeCast for uint256;

    /// @param incidentLimits What one further incident can be owed. @param aggregateLimits What all can.
    /// @param reserve What of it is held now. @param incidentNumber Number (from one) of the last incident it is held for; zero for an
    /// alarm. @param firstNumber Number of the first one: what earlier incidents still owe is not in the reserve.
    /// @param latched Whether the second slot holds anything: spares a sale the look.
    struct Latch {
        uint120 incidentLimits;
        uint128 aggregateLimits;
        bool latched;
        uint128 reserve;
        uint64 incidentNumber;
        uint64 firstNumber;
    }

    /// @param exposure What the policies on a subject can still be owed. @param scenarios Its scenarios, as a bit set.
    struct Subject {
        uint128 exposure;
        uint32 scenarios;
    }

    uint256 internal constant MAXIMUM_SCENARIOS = 32;
    uint256 internal constant SCENARIOS_PER_SUBJECT = 8;
    uint64 internal constant MAXIMUM_COOLDOWN = 90 days;
    uint8 internal constant MAXIMUM_DECIMALS = 18;
    /// @dev Shares per unit when the pool is empty: the first depositor can't inflate the price.
    uint8 internal constant DECIMALS_OFFSET = 6;
    uint256 internal constant VIRTUAL_SHARES = 10 ** DECIMALS_OFFSET;
    /// @dev Deposits are shut below the first price divided by this.
    uint256 internal constant LARGEST_FALL = 1000;
    uint256 internal constant BASIS_POINTS = 10_000;

    IIncidentBook private immutable _book;
    address public immutable policyBook;
    /// @inheritdoc ICoverPool
    address public immutable permit2;
    uint64 public immutable cooldown;
    uint256 private immutable _settlementWindow;

    /// @dev Side by side what one call changes. `_indebted`: whether `_debts` is not zero, which spares a sale the look.
    uint120 private _assets;
    bool private _indebted;
    uint128 private _reserve;
    /// @dev Sums over the triggers: of what one further incident can be owed, and of what stands of it (`_standing`).
    uint128 private _incidentLimits;
    uint128 private _worst;
    uint128 private _debts;
    uint128 private _claimable;
    PremiumStream.Stream private _stream;
    RedeemQueue.Queue private _queue;
    /// @inheritdoc ICoverPool
    uint256 public scenarioCount;
    /// @dev Exposures of the scenarios, two in a slot: what one sale or claim changes tends to lie together.
    mapping(uint256 pair => uint128[2]) private _scenarioExposures;

    mapping(bytes32 triggerId => Latch) private _latches;
    mapping(bytes32 triggerId => AlarmHold.Hold) private _holds;
    mapping(bytes32 subject => Subject) private _subjects;
    /// @inheritdoc ICoverPool
    mapping(uint256 policyId => uint256) public debtOf;
    /// @inheritdoc ICoverPool
    mapping(address to => uint256) public creditOf;
    /// @inheritdoc ICoverPool
    mapping(address controller => mapping(address operator => bool)) public isOperator;

    modifier onlyPolicyBook() {
        if (msg.sender != policyBook) revert NotPolicyBook(msg.sender);
        _;
    }

    /// @param policyBook_ The policy book, whose address may be predicted. @param permit2_ Permit2, or the zero address.
    /// @param cooldown_ Seconds, at most 90 days.
    constructor(
        address owner_,
        IERC20 asset_,
        address policyBook_,
        IIncidentBook book_,
        address permit2_,
        string memory name_,
        string memory symbol_,
        uint64 cooldown_
    ) ERC20(name_, symbol_) ERC4626(asset_) Ownable(owner_) {
        if (IERC20Metadata(address(asset_)).decimals() > MAXIMUM_DECIMALS) {
            revert InvalidSetup("asset");
        }
        if (policyBook_ == address(0)) revert InvalidSetup("policyBook");
        if (address(book_).code.length == 0) revert InvalidSetup("book");
        if (cooldown_ > MAXIMUM_COOLDOWN) revert InvalidSetup("cooldown");
        policyBook = policyBook_;
        permit2 = permit2_;
        _book = book_;
        _settlementWindow = book_.SETTLEMENT_WINDOW();
        cooldown = cooldown_;
        _stream.upTo = block.timestamp.toUint40();
    }

    /* DEPOSITS */

    /// @inheritdoc ERC4626
    function deposit(uint256 assets, address receiver) public override nonReentrant returns (uint256) {
        _requireReliablePrice();
        return super.deposit(assets, receiver);
    }

    /// @inheritdoc ERC4626
    function mint(uint256 shares, address receiver) public override nonReentrant returns (uint256) {
        _requireReliablePrice();
        return super.mint(shares, receiver);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        if (assets == 0 || shares == 0) revert ZeroAmount();
        super._deposit(caller, receiver, assets, shares);
    }

    function _transferIn(address from, uint256 amount) internal override {
        _assets += amount.toUint120();

        IERC20 token = IERC20(asset());
        uint256 before = token.balanceOf(address(this));
        if (permit2 != address(0) && token.allowance(from, address(this)) < amount) {
            IPermit2(permit2).transferFrom(from, address(this), amount.toUint160(), address(token));
        } else {
            SafeERC20.safeTransferFrom(token, from, address(this), amount);
        }
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert FeeOnTransfer(amount, received);
    }

    /* REDEMPTIONS */

    /// @inheritdoc ICoverPool
    function requestRedeem(uint256 shares, address controller, address owner)
        external
        nonReentrant
        returns (uint256 requestId)
    {
        if (shares == 0) revert ZeroAmount();
        if (controller != owner) _requireOwnerOrOperator(controller);
        if (msg.sender != owner && !isOperator[owner][msg.sender]) _spendAllowance(owner, msg.sender, shares);

        requestId = block.timestamp / 1 days;
        _queue.add(controller, requestId, shares);
        _transfer(owner, address(this), shares);

        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    /// @inheritdoc ICoverPool
    function settle(bytes32[] calldata triggers)
        external
        nonReentrant
        returns (uint256 batch, uint256 shares, uint256 assets)
    {
        _accrueAll();
        _pokeAll(triggers);
        uint256 left;
        (batch, left) = _queue.head();
        if (left == 0) revert NothingToSettle(0, 0, 0);
        uint64 maturesAt = _maturesAt(batch);
        if (block.timestamp < maturesAt) revert BatchNotMature(batch, maturesAt);

        uint256 net = _netAssets();
        uint256 room = _collateral().saturatingSub(_largestExposure());
        if (net == 0) revert NothingToSettle(left, net, room);
        shares = left;
        if (_valueDown(shares, net) > room) shares = room.mulDiv(totalSupply() + VIRTUAL_SHARES, net + 1);
        assets = _valueDown(shares, net);
        // A part worth nothing would only burn shares; a whole batch worth nothing must not hold up the next.
        if (assets == 0 && shares < left) revert NothingToSettle(left, net, room);

        bool whole = _queue.settle(shares, assets);
        _burn(address(this), shares);
        _setAside(assets);

        emit RedeemSettled(batch, shares, assets, whole);
    }

    /// @inheritdoc ERC4626
    /// @dev ERC-7540: takes what is settled.
    function redeem(uint256 shares, address receiver, address controller)
        public
        override
        nonReentrant
        returns (uint256 assets)
    {
        _requireOwnerOrOperator(controller);
        if (shares == 0) revert ZeroAmount();

        uint256 taken;
        (taken, assets) = _queue.takeShares(controller, shares);
        if (taken == 0) revert NothingClaimable(controller);
        if (taken < shares) revert ERC4626ExceededMaxRedeem(controller, shares, taken);
        _payRedemption(receiver, controller, assets, shares);
    }

    /// @inheritdoc ERC4626
    /// @dev ERC-7540: takes what is settled.
    function withdraw(uint256 assets, address receiver, address controller)
        public
        override
        nonReentrant
        returns (uint256 shares)
    {
        _requireOwnerOrOperator(controller);
        if (assets == 0) revert ZeroAmount();

        uint256 taken;
        (taken, shares) = _queue.takeAssets(controller, assets);
        if (taken == 0) revert NothingClaimable(controller);
        if (taken < assets) revert ERC4626ExceededMaxWithdraw(controller, assets, taken);
        _payRedemption(receiver, controller, assets, shares);
    }

    function _payRedemption(address receiver, address controller, uint256 assets, uint256 shares) private {
        _requireOther(receiver);
        _claimable -= assets.toUint128();
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        SafeERC20.safeTransfer(IERC20(asset()), receiver, assets);
    }

    /// @inheritdoc ICoverPool
    function setOperator(address operator, bool approved) external returns (bool) {
        isOperator[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    function _requireOwnerOrOperator(address controller) private view {
        if (msg.sender != controller && !isOperator[controller][msg.sender]) revert NotOwnerOrOperator(msg.sender);
    }

    /// @dev What the pool sent to itself would be nobody's.
    function _requireOther(address receiver) private view {
        if (receiver == address(this)) revert InvalidReceiver(receiver);
    }

    /* PREMIUM AND RESERVE */

    /// @inheritdoc ICoverPool
    function accrue() external nonReentrant {
        _accrue();
    }

    /// @inheritdoc ICoverPool
    function poke(bytes32 triggerId) external nonReentrant {
        _poke(triggerId);
    }

    function _accrue() private {
        _stream.accrue(block.timestamp);
    }

    function _accrueAll() private {
        _accrue();
        if (_stream.upTo != block.timestamp) revert CatchUpNeeded(_stream.upTo);
    }

    function _requireReliablePrice() private {
        _accrueAll();
        if (_reserve > 0) revert ReserveStands(_reserve);
        if (_indebted) revert DebtsStand(_debts);
        if (_worthless()) revert PriceTooLow(totalAssets(), totalSupply());
    }

    /// @dev Every trigger with limits in force, each once: so no reserve is missing and none is stale.
    function _pokeAll(bytes32[] calldata triggers) private {
        uint256 limits;
        for (uint256 i; i < triggers.length; ++i) {
            if (i > 0 && triggers[i] <= triggers[i - 1]) revert TriggersNotAscending(triggers[i]);
            _poke(triggers[i]);
            limits += _latches[triggers[i]].incidentLimits;
        }
        if (limits != _incidentLimits) revert TriggersMissing(limits, _incidentLimits);
    }

    function _poke(bytes32 triggerId) private {
        Latch storage latch = _latches[triggerId];
        uint256 limits = latch.incidentLimits;
        (bool unsettled, uint256 number) = _book.standing(triggerId);
        if (unsettled) {
            if (latch.incidentNumber != number) _holdForIncidents(triggerId, latch, number);
            return;
        }

        (uint256 alarmed,) = _book.alarms(triggerId);
        // While nothing is insured nothing is held, and no family's time is used up.
        bool held = _holds[triggerId].observe(limits > 0 ? alarmed : 0, block.timestamp);
        bool latched = latch.reserve > 0 || latch.incidentNumber > 0;
        bool unchanged = latch.incidentNumber == 0 && latch.reserve == limits;
        if (held && !unchanged) {
            _hold(latch, limits, limits, 0);
            emit ReserveLatched(triggerId, limits, false);
        } else if (!held && latched) {
            _hold(latch, limits, 0, 0);
            emit ReserveReleased(triggerId);
        }
    }

    /// @dev A new incident may come before the last one settled: then claims on both may come.
    function _holdForIncidents(bytes32 triggerId, Latch storage latch, uint256 number) private {
        uint256 known = latch.incidentNumber;
        uint256 reserve = latch.reserve;
        if (known == 0 || _settled(_book.incident(triggerId, known - 1))) (known, reserve) = (0, 0);
        uint256 first = number;
        for (uint256 next = number; next > known; --next) {
            Incident memory incident = _book.incident(triggerId, next - 1);
            // Incidents settle in order.
            if (_settled(incident)) break;
            if (incident.finalAt != 0 && incident.coveredSeconds == 0) continue;
            reserve += latch.incidentLimits;
            first = next;
        }
        if (known == 0) latch.firstNumber = first.toUint64();
        // What is held for an incident is no longer on the account of the families that were alarmed.
        _holds[triggerId].observe(0, block.timestamp);

        _hold(latch, latch.incidentLimits, Math.min(reserve, latch.aggregateLimits), number);
        emit ReserveLatched(triggerId, latch.reserve, true);
    }

    function _settled(Incident memory incident) private view returns (bool) {
        return incident.finalAt != 0 && block.timestamp >= incident.finalAt + _settlementWindow;
    }

    /// @dev Keeps the pool's counters the sums over the triggers. An alarm never holds more than one incident's limits, an incident never
    /// more than all that can still be owed.
    function _hold(Latch storage latch, uint256 incidentLimits, uint256 reserve, uint256 number) private {
        reserve = Math.min(reserve, number == 0 ? incidentLimits : latch.aggregateLimits);
        uint256 standing = number == 0 ? incidentLimits : reserve;
        uint128 worst = (_worst + standing - _standing(latch)).toUint128();
        uint128 limits = (_incidentLimits + incidentLimits - latch.incidentLimits).toUint128();
        (_incidentLimits, _worst) = (limits, worst);
        _reserve = (_reserve + reserve - latch.reserve).toUint128();

        (uint128 reserve_, uint64 number_) = (reserve.toUint128(), number.toUint64());
        (latch.incidentLimits, latch.latched) = (incidentLimits.toUint120(), reserve > 0 || number > 0);
        (latch.reserve, latch.incidentNumber) = (reserve_, number_);
    }

    /// @dev What a trigger's unsettled incidents can still be owed, or else what a next one could.
    function _standing(Latch storage latch) private view returns (uint256) {
        return latch.incidentNumber == 0 ? latch.incidentLimits : latch.reserve;
    }

    /* SCENARIOS */

    /// @inheritdoc ICoverPool
    function addScenario(string calldata name) external onlyOwner returns (uint256 scenario) {
        scenario = scenarioCount++;
        if (scenario == MAXIMUM_SCENARIOS) revert TooManyScenarios(MAXIMUM_SCENARIOS);
        emit ScenarioAdded(scenario, name);
    }

    /// @inheritdoc ICoverPool
    function addToScenario(uint256 scenario, bytes32 subject) external onlyOwner {
        if (scenario >= scenarioCount) revert UnknownScenario(scenario);
        Subject storage known = _subjects[subject];
        uint256 set = known.scenarios;
        if (set >> scenario & 1 == 1) revert AlreadyInScenario(scenario, subject);
        uint256 count;
        for (uint256 rest = set; rest > 0; rest &= rest - 1) {
            ++count;
        }
        if (count == SCENARIOS_PER_SUBJECT) revert TooManyScenarios(SCENARIOS_PER_SUBJECT);

        known.scenarios = uint32(set | 1 << scenario);
        _scenarioExposures[scenario / 2][scenario % 2] += known.exposure;
        emit ScenarioMember(scenario, subject);
    }

    function _addExposure(bytes32 subject, uint256 limit, uint256 cap) private {
        Subject storage known = _subjects[subject];
        uint256 set = known.scenarios;
        if (set == 0) revert NoScenario(subject);
        uint256 onSubject = known.exposure + limit;
        if (onSubject > cap) revert CapExceeded("subject", onSubject, cap);
        uint256 available = _collateral().saturatingSub(_maturedExitsUp());
        known.exposure = onSubject.toUint128();
        for (uint256 i; set >> i > 0; ++i) {
            if (set >> i & 1 == 0) continue;
            uint256 exposed = _scenarioExposures[i / 2][i % 2] + limit;
            if (exposed > available) revert Insolvent(i, exposed, available);
            _scenarioExposures[i / 2][i % 2] = exposed.toUint128();
        }
    }

    function _dropExposure(bytes32 subject, uint256 limit) private {
        Subject storage known = _subjects[subject];
        uint256 set = known.scenarios;
        known.exposure -= limit.toUint128();
        for (uint256 i; set >> i > 0; ++i) {
            if (set >> i & 1 == 1) _scenarioExposures[i / 2][i % 2] -= limit.toUint128();
        }
    }

    /* POLICY BOOK */

    /// @inheritdoc ICoverPool
    function sell(Sale calldata sale) external onlyPolicyBook nonReentrant {
        _accrueAll();

        Latch storage latch = _latches[sale.triggerId];
        // A reserve for what is settled by now must not stand for the limits of the next incident.
        if (latch.latched) _poke(sale.triggerId);
        _addExposure(sale.subject, sale.aggregateLimit, sale.cap);
        uint256 more = !latch.latched || latch.incidentNumber == 0 ? sale.incidentLimit : 0;
        (latch.incidentLimits, latch.aggregateLimits) =
        (latch.incidentLimits + sale.incidentLimit, latch.aggregateLimits + sale.aggregateLimit);
        (_incidentLimits, _worst) = (_incidentLimits + sale.incidentLimit, _worst + uint128(more));
        // Counted and unearned at once: the premium backs no cover, its own neither.
        _stream.write(sale.premium, sale.start, sale.end);

        _transferIn(sale.payer, sale.premium);
    }

    /// @inheritdoc ICoverPool
    function pay(
        uint256 policyId,
        bytes32 triggerId,
        bytes32 subject,
        address to,
        uint256 amount,
        uint96 incidentLimitDrop,
        uint256 sequence
    ) external onlyPolicyBook nonReentrant returns (uint256 sent, uint256 debt) {
        _poke(triggerId);

        Latch storage latch = _latches[triggerId];
        bool isHeldFor = latch.incidentNumber != 0 && sequence + 1 >= latch.firstNumber;
        uint256 held = isHeldFor ? Math.min(amount, latch.reserve) : 0;
        sent = _proRataDown(amount, _worst + amount - held);
        debt = amount - sent;

        latch.aggregateLimits -= amount.toUint128();
        _hold(latch, latch.incidentLimits - incidentLimitDrop, latch.reserve - held, latch.incidentNumber);
        _dropExposure(subject, amount);
        if (debt > 0) {
            debtOf[policyId] += debt;
            _setDebts(_debts + debt);
        }
        _assets -= sent.toUint120();

        _sendOrCredit(to, sent);
    }

    /// @inheritdoc ICoverPool
    function refund(bytes32 triggerId, uint96 premium, uint64 start, uint64 end, uint256 keptBps, address to)
        external
        onlyPolicyBook
        nonReentrant
        returns (uint256 amount)
    {
        _accrueAll();
        if (_indebted) revert DebtsStand(_debts);

        uint256 unearned = PremiumStream.unearnedOf(premium, start, end, block.timestamp);
        amount = unearned.mulDiv(BASIS_POINTS - keptBps, BASIS_POINTS);
        uint256 all = _unearned();
        uint256 left = Math.saturatingSub(_assets, _reserve);
        if (left < all) amount = amount.mulDiv(left, all);
        uint256 kept = _stream.unwrite(premium, start, end, amount);
        _assets -= amount.toUint120();

        emit PremiumRefunded(triggerId, to, amount, kept);
        _sendOrCredit(to, amount);
    }

    /// @inheritdoc ICoverPool
    function unlock(bytes32 triggerId, bytes32 subject, uint96 incidentLimit, uint96 aggregateLimit)
        external
        onlyPolicyBook
        nonReentrant
    {
        Latch storage latch = _latches[triggerId];
        latch.aggregateLimits -= aggregateLimit;
        _hold(latch, latch.incidentLimits - incidentLimit, latch.reserve, latch.incidentNumber);
        _dropExposure(subject, aggregateLimit);
    }

    /// @dev The part of `amount` that assets allow when `due` may have to be paid; the same part whoever claims first.
    function _proRataDown(uint256 amount, uint256 due) private view returns (uint256) {
        return due > _assets ? amount.mulDiv(_assets, due) : amount;
    }

    /* DEBTS AND CREDITS */

    /// @inheritdoc ICoverPool
    function payDebt(uint256 policyId, bytes32[] calldata triggers) external nonReentrant returns (uint256 paid) {
        _pokeAll(triggers);
        paid = Math.min(debtOf[policyId], Math.saturatingSub(_assets, _reserve));
        if (paid == 0) return 0;

        address to = IERC721(policyBook).ownerOf(policyId);
        debtOf[policyId] -= paid;
        _setDebts(_debts - paid);
        _assets -= uint120(paid);

        emit DebtPaid(policyId, to, paid);
        _sendOrCredit(to, paid);
    }

    /// @inheritdoc ICoverPool
    function withdrawCredit(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingClaimable(msg.sender);
        _requireOther(to);

        creditOf[msg.sender] = 0;
        _claimable -= uint128(amount);

        emit CreditWithdrawn(msg.sender, amount);
        SafeERC20.safeTransfer(IERC20(asset()), to, amount);
    }

    /// @dev The amount has left the counted assets; if the transfer fails it is set aside for `to`.
    function _sendOrCredit(address to, uint256 amount) private {
        if (amount == 0) return;
        uint256 needed = TolerantTransfer.gasNeeded();
        if (gasleft() < needed) revert NotEnoughGas(gasleft(), needed);
        if (to == address(this) || !TolerantTransfer.trySend(asset(), to, amount)) {
            creditOf[to] += amount;
            _claimable += uint128(amount);
            emit CreditRecorded(to, amount);
        }
    }

    function _setDebts(uint256 debts) private {
        _debts = debts.toUint128();
        _indebted = debts > 0;
    }

    function _debtsStanding() private view returns (uint256) {
        return _indebted ? _debts : 0;
    }

    function _setAside(uint256 amount) private {
        _assets -= amount.toUint120();
        _claimable += uint128(amount);
    }

    /* SUMS */

    function _unearned() private view returns (uint256 unearned) {
        (unearned,) = _stream.unearnedAt(block.timestamp);
    }

    /// @dev The stakers' assets that no latched trigger can take.
    function _netAssets() private view returns (uint256) {
        return totalAssets().saturatingSub(_reserve);
    }

    /// @dev What may back remaining limits.
    function _collateral() private view returns (uint256) {
        return Math.saturatingSub(_assets, _unearned() + _reserve + _debtsStanding());
    }

    /// @dev Else a deposit would mint nearly all there is, and shares without bound.
    function _worthless() private view returns (bool) {
        return (totalAssets() + 1) * VIRTUAL_SHARES * LARGEST_FALL < totalSupply() + VIRTUAL_SHARES;
    }

    function _valueDown(uint256 shares, uint256 net) private view returns (uint256) {
        return shares.mulDiv(net + 1, totalSupply() + VIRTUAL_SHARES);
    }

    function _maturedExitsUp() private view returns (uint256) {
        uint256 past = Math.saturatingSub(block.timestamp, cooldown) / 1 days;
        if (past == 0) return 0;
        uint256 shares = _queue.unsettledUpTo(past - 1);
        if (shares == 0) return 0;
        return shares.mulDiv(_netAssets() + 1, totalSupply() + VIRTUAL_SHARES, Math.Rounding.Ceil);
    }

    function _maturesAt(uint256 batch) private view returns (uint64) {
        return ((batch + 1) * 1 days + cooldown).toUint64();
    }

    function _largestExposure() private view returns (uint256 exposed) {
        for (uint256 i; i < scenarioCount; ++i) {
            exposed = Math.max(exposed, _scenarioExposures[i / 2][i % 2]);
        }
    }

    /* VIEWS: ERC-4626 */

    /// @inheritdoc ERC4626
    function totalAssets() public view override returns (uint256) {
        return Math.saturatingSub(_assets, _unearned() + _debtsStanding());
    }

    /// @inheritdoc ERC4626
    function maxDeposit(address) public view override returns (uint256) {
        return priceReliable() ? type(uint120).max - _assets : 0;
    }

    /// @inheritdoc ERC4626
    function maxMint(address receiver) public view override returns (uint256) {
        return convertToShares(maxDeposit(receiver));
    }

    /// @inheritdoc ERC4626
    function maxRedeem(address controller) public view override returns (uint256 shares) {
        (shares,) = _queue.claimableOf(controller);
    }

    /// @inheritdoc ERC4626
    function maxWithdraw(address controller) public view override returns (uint256 assets) {
        (, assets) = _queue.claimableOf(controller);
    }

    /// @inheritdoc ERC4626
    function previewRedeem(uint256) public pure override returns (uint256) {
        revert SynchronousRedemptionUnavailable();
    }

    /// @inheritdoc ERC4626
    function previewWithdraw(uint256) public pure override returns (uint256) {
        revert SynchronousRedemptionUnavailable();
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return DECIMALS_OFFSET;
    }

    /* VIEWS: REDEMPTION */

    /// @inheritdoc ICoverPool
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        (shares,) = _queue.state(requestId, controller);
    }

    /// @inheritdoc ICoverPool
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares) {
        (, shares) = _queue.state(requestId, controller);
    }

    /// @inheritdoc ICoverPool
    function redeemBatch(uint256 batch)
        external
        view
        returns (uint256 shares, uint256 settled, uint256 assets, uint64 maturesAt)
    {
        RedeemQueue.Batch memory state = _queue.batches[batch];
        return (_queue.size(batch), state.settled, state.assets, _maturesAt(batch));
    }

    /// @inheritdoc ICoverPool
    function share() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == 0xe3bc4e65 // ERC-7540 operators
            || interfaceId == 0x620ee8e4 // ERC-7540 asynchronous redemption
            || interfaceId == 0x2f0a18c5; // ERC-7575
    }

    /* VIEWS: MONEY */

    /// @inheritdoc ICoverPool
    function priceReliable() public view returns (bool) {
        (, bool caughtUp) = _stream.unearnedAt(block.timestamp);
        return caughtUp && _reserve == 0 && !_indebted && !_worthless();
    }

    /// @inheritdoc ICoverPool
    function solvency() external view returns (Solvency memory) {
        uint256 exposed = _largestExposure();
        uint256 exits = _maturedExitsUp();
        return Solvency({
            assets: _assets,
            unearned: _unearned(),
            debts: _debts,
            claimable: _claimable,
            reserve: _reserve,
            maturedExits: exits,
            exposed: exposed,
            free: _collateral().saturatingSub(exits + exposed),
            supply: totalSupply()
        });
    }

    /// @inheritdoc ICoverPool
    function premiums() external view returns (uint256 written, uint256 earned) {
        written = _stream.written;
        earned = written - _unearned();
    }

    /// @inheritdoc ICoverPool
    function accruedUpTo() external view returns (uint64) {
        return _stream.upTo;
    }

    /// @inheritdoc ICoverPool
    function incidentBook() external view returns (address) {
        return address(_book);
    }

    /// @inheritdoc ICoverPool
    function reserveOf(bytes32 triggerId) external view returns (uint256) {
        return _latches[triggerId].reserve;
    }

    /// @inheritdoc ICoverPool
    function limitsOf(bytes32 triggerId) external view returns (uint256 incidentLimits, uint256 aggregateLimits) {
        Latch storage latch = _latches[triggerId];
        return (latch.incidentLimits, latch.aggregateLimits);
    }

    /// @inheritdoc ICoverPool
    function exposureOf(bytes32 subject) external view returns (uint256) {
        return _subjects[subject].exposure;
    }

    /// @inheritdoc ICoverPool
    function scenariosOf(bytes32 subject) external view returns (uint256) {
        return _subjects[subject].scenarios;
    }

    /// @inheritdoc ICoverPool
    function scenarioExposure(uint256 scenario) external view returns (uint256) {
        if (scenario >= scenarioCount) revert UnknownScenario(scenario);
        return _scenarioExposures[scenario / 2][scenario % 2];
    }
}
