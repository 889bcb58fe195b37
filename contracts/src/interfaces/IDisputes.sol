// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice An open dispute.
/// @param disputer Who says that what the paths hold is not true; the zero address if no dispute is open.
/// @param defender Who posted the same bond for the sweep; the zero address until then.
/// @param sequence Number of the disputed incident.
/// @param round From one.
/// @param lapsesAt From then on the arbiter has lost: the sweep stands.
/// @param bond What each side posts, in the pool's asset.
struct DisputeCase {
    address disputer;
    address defender;
    uint32 sequence;
    uint8 round;
    uint64 lapsesAt;
    uint256 bond;
}

/// @title The court of one pool: bonded disputes of incidents, ruled by each trigger's arbiter
/// @dev It serves the triggers that name it as their court. What a court can do at all, the incident book bounds: delay by at most three
/// times ten days, and have time that is not confirmed yet struck out; it adds no second. No owner, no parameter that can change.
/// Warning: a trigger's arbiter is trusted for the seconds that are disputed; who names one that upholds everything sells no cover.
/// Warning: who disputes and defends alone loses nothing by it but the use of two bonds.
interface IDisputes {
    event DisputeRaised(
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        address indexed disputer,
        uint256 round,
        uint64 from,
        uint64 lapsesAt,
        uint256 bond
    );
    event DisputeDefended(bytes32 indexed triggerId, uint256 indexed sequence, address indexed defender, uint256 bond);
    /// @param upheld Whether the disputed time was struck out.
    /// @param ruled Whether the arbiter said so; else it was silent and the sweep stands.
    /// @param winner Who is credited with `amount`: the bonds of both sides.
    event DisputeDecided(
        bytes32 indexed triggerId,
        uint256 indexed sequence,
        address indexed winner,
        bool upheld,
        bool ruled,
        uint256 amount
    );
    event CreditWithdrawn(address indexed holder, address indexed to, uint256 amount);

    error InvalidSetup(string reason);
    error NotArbiter(address caller);
    error NoDispute(bytes32 triggerId);
    error AlreadyDefended(address defender);
    /// @dev Rulings and defences are made before the dispute lapses.
    error Lapsed(uint64 lapsesAt);
    /// @dev Without a ruling a dispute is concluded once it lapsed.
    error NotLapsed(uint64 lapsesAt);
    error NoCredit(address holder);
    /// @dev The asset takes a fee on transfer.
    error FeeOnTransfer(uint256 expected, uint256 received);
    /// @dev The caller sent too little gas for the arbiter to be told.
    error NotEnoughGas(uint256 left, uint256 needed);

    /// @notice Disputes what is covered from `from` on in the trigger's open incident, and posts a bond of `bondFor(triggerId)`.
    /// @dev By anyone, within the bounds of `IIncidentBook.openDispute`. Concludes the one before first, if that lapsed. The asset must be
    /// one that takes no fee and tells its balances truly: the pool's.
    function dispute(bytes32 triggerId, uint64 from) external;

    /// @notice Posts the same bond for the sweep; anyone may, once, before the dispute lapses.
    function defend(bytes32 triggerId) external;

    /// @notice The arbiter decides the trigger's dispute before it lapses. The winner is credited with all bonds. If nobody defended and it
    /// is rejected, that is who proposed the incident first.
    function rule(bytes32 triggerId, bool upheld) external;

    /// @notice Concludes a dispute that lapsed: the arbiter was silent, so the sweep stands and the disputer loses.
    function conclude(bytes32 triggerId) external;

    /// @notice Sends the caller's credit to `to`.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice What each side of the trigger's next dispute posts: the larger of the minimum and the part of the incident limits in force,
    /// rounded up, doubled for each round that the incident has had. In the pool's asset.
    function bondFor(bytes32 triggerId) external view returns (uint256);
    function caseOf(bytes32 triggerId) external view returns (DisputeCase memory);
    function creditOf(address holder) external view returns (uint256);
    /// @notice Bonds of open disputes and credits: what is counted here, in the pool's asset.
    function held() external view returns (uint256);

    function book() external view returns (address);
    function pool() external view returns (address);
    function asset() external view returns (address);
    function minimumBond() external view returns (uint256);
    /// @notice Part of the incident limits in force that a bond is, basis points.
    function bondBps() external view returns (uint256);
    /// @notice Gas with which an arbiter is told of a dispute.
    function ARBITER_GAS() external view returns (uint256);
}
