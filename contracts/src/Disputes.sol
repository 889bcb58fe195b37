// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";
import {ICoverPool} from "./interfaces/ICoverPool.sol";
import {DisputeCase, IDisputes} from "./interfaces/IDisputes.sol";
import {IIncidentBook} from "./interfaces/IIncidentBook.sol";

/// @title The court of one pool
contract Disputes is IDisputes {
    using SafeERC20 for IERC20;

    /// @inheritdoc IDisputes
    uint256 public constant ARBITER_GAS = 200_000;
    /// @dev What the check, the call and its arguments cost beside.
    uint256 private constant ARBITER_MARGIN = 20_000;
    uint256 private constant BPS = 10_000;

    IIncidentBook private immutable _book;
    ICoverPool private immutable _pool;
    IERC20 private immutable _asset;
    /// @inheritdoc IDisputes
    uint256 public immutable minimumBond;
    /// @inheritdoc IDisputes
    uint256 public immutable bondBps;

    mapping(bytes32 => DisputeCase) private _cases;
    /// @inheritdoc IDisputes
    mapping(address => uint256) public creditOf;
    /// @inheritdoc IDisputes
    uint256 public held;

    /// @param minimumBond_ In the asset's smallest unit; at least one.
    /// @param bondBps_ Part of the incident limits in force, basis points; at most all of them.
    constructor(IIncidentBook book_, ICoverPool pool_, IERC20 asset_, uint256 minimumBond_, uint256 bondBps_) {
        if (address(book_).code.length == 0) revert InvalidSetup("book");
        if (address(pool_).code.length == 0) revert InvalidSetup("pool");
        if (address(asset_).code.length == 0) revert InvalidSetup("asset");
        if (minimumBond_ == 0) revert InvalidSetup("minimumBond");
        if (bondBps_ > BPS) revert InvalidSetup("bondBps");

        (_book, _pool, _asset) = (book_, pool_, asset_);
        (minimumBond, bondBps) = (minimumBond_, bondBps_);
    }

    /* DISPUTING */

    /// @inheritdoc IDisputes
    function dispute(bytes32 triggerId, uint64 from) external {
        DisputeCase storage opened = _cases[triggerId];
        if (opened.disputer != address(0)) conclude(triggerId);

        uint256 bond = bondFor(triggerId);
        (uint256 sequence, uint64 lapsesAt) = _book.openDispute(triggerId, from);
        uint8 round = _book.disputeOf(triggerId).rounds;

        _cases[triggerId] = DisputeCase(msg.sender, address(0), uint32(sequence), round, lapsesAt, bond);

        emit DisputeRaised(triggerId, sequence, msg.sender, round, from, lapsesAt, bond);

        _take(bond);
        _tell(
            _book.arbiterOf(triggerId),
            abi.encodeCall(IArbiter.disputeOpened, (triggerId, sequence, round, from, lapsesAt, bond))
        );
    }

    /// @inheritdoc IDisputes
    function defend(bytes32 triggerId) external {
        DisputeCase storage opened = _case(triggerId);
        if (opened.defender != address(0)) revert AlreadyDefended(opened.defender);
        if (block.timestamp >= opened.lapsesAt) revert Lapsed(opened.lapsesAt);

        opened.defender = msg.sender;

        emit DisputeDefended(triggerId, opened.sequence, msg.sender, opened.bond);

        _take(opened.bond);
    }

    /* DECIDING */

    /// @inheritdoc IDisputes
    function rule(bytes32 triggerId, bool upheld) external {
        DisputeCase memory opened = _case(triggerId);
        if (msg.sender != _book.arbiterOf(triggerId)) revert NotArbiter(msg.sender);
        if (block.timestamp >= opened.lapsesAt) revert Lapsed(opened.lapsesAt);

        _decide(triggerId, opened, upheld, true);

        _book.closeDispute(triggerId, upheld);
    }

    /// @inheritdoc IDisputes
    function conclude(bytes32 triggerId) public {
        DisputeCase memory opened = _case(triggerId);
        if (block.timestamp < opened.lapsesAt) revert NotLapsed(opened.lapsesAt);

        _decide(triggerId, opened, false, false);
    }

    function _decide(bytes32 triggerId, DisputeCase memory opened, bool upheld, bool ruled) private {
        bool defended = opened.defender != address(0);
        uint256 amount = defended ? 2 * opened.bond : opened.bond;
        address winner = opened.disputer;
        if (!upheld) winner = defended ? opened.defender : _book.proposerOf(triggerId, opened.sequence);

        delete _cases[triggerId];
        creditOf[winner] += amount;

        emit DisputeDecided(triggerId, opened.sequence, winner, upheld, ruled, amount);
    }

    /* CREDITS */

    /// @inheritdoc IDisputes
    function withdraw(address to) external returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NoCredit(msg.sender);

        creditOf[msg.sender] = 0;
        held -= amount;

        emit CreditWithdrawn(msg.sender, to, amount);

        _asset.safeTransfer(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IDisputes
    function bondFor(bytes32 triggerId) public view returns (uint256 bond) {
        (uint256 limits,) = _pool.limitsOf(triggerId);
        bond = Math.mulDiv(limits, bondBps, BPS, Math.Rounding.Ceil);
        if (bond < minimumBond) bond = minimumBond;
        bond <<= _roundsOf(triggerId);
    }

    /// @inheritdoc IDisputes
    function caseOf(bytes32 triggerId) external view returns (DisputeCase memory) {
        return _cases[triggerId];
    }

    /// @inheritdoc IDisputes
    function book() external view returns (address) {
        return address(_book);
    }

    /// @inheritdoc IDisputes
    function pool() external view returns (address) {
        return address(_pool);
    }

    /// @inheritdoc IDisputes
    function asset() external view returns (address) {
        return address(_asset);
    }

    /* INTERNAL */

    function _case(bytes32 triggerId) private view returns (DisputeCase storage opened) {
        opened = _cases[triggerId];
        if (opened.disputer == address(0)) revert NoDispute(triggerId);
    }

    /// @dev Rounds that the open incident has had; a final one's don't count for the next.
    function _roundsOf(bytes32 triggerId) private view returns (uint256) {
        uint256 count = _book.incidentCount(triggerId);
        if (count == 0 || _book.incident(triggerId, count - 1).finalAt != 0) return 0;
        return _book.disputeOf(triggerId).rounds;
    }

    /// @dev The bond comes last. One that arrives short is refused: what is counted here is what is here.
    function _take(uint256 bond) private {
        held += bond;
        uint256 before = _asset.balanceOf(address(this));
        _asset.safeTransferFrom(msg.sender, address(this), bond);
        uint256 received = _asset.balanceOf(address(this)) - before;
        if (received != bond) revert FeeOnTransfer(bond, received);
    }

    /// @dev It may fail and its answer is not read, but nobody keeps it from being told by sending little gas.
    function _tell(address arbiter, bytes memory message) private {
        if (arbiter.code.length == 0) return;
        uint256 left = gasleft();
        if (left - left / 64 <= ARBITER_GAS + ARBITER_MARGIN) {
            revert NotEnoughGas(left, ARBITER_GAS + ARBITER_MARGIN);
        }
        uint256 stipend = ARBITER_GAS;
        assembly ("memory-safe") {
            pop(call(stipend, arbiter, 0, add(message, 32), mload(message), 0, 0))
        }
    }
}
