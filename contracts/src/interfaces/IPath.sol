// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What sort of evidence a path gives.
/// ABSENCE: something that should advance on the host chain did not (heartbeat, posting).
/// QUORUM: m of n observers say so.
/// RECOVERY: verified headers after the restart show the gap.
enum PathKind {
    ABSENCE,
    QUORUM,
    RECOVERY
}

/// @title One way by which downtime of a subject becomes known on the host chain
/// @dev Readers must not trust a path: it may revert, burn its gas stipend or return garbage, and is then skipped.
interface IPath {
    /// @notice The kind of evidence; one per contract, never changes.
    function kind() external view returns (PathKind);

    /// @notice Everybody who alone could falsify or silence this path (observers, relayer, transport's signers).
    /// @dev Never changes. Paths that share a party are one family, whatever a trigger's creator says.
    function parties() external view returns (bytes32[] memory);

    /// @notice How many spells of `subject` this path has attested.
    function spellCount(bytes32 subject) external view returns (uint256);

    /// @notice The `index`-th spell, oldest first; spells are disjoint. An attested second stays attested; a spell grows at either end, and
    /// may be united with its neighbours: its number is good for one call only.
    /// @return from First second of the spell, UTC.
    /// @return until Second at which the attested downtime ends; while `open`, attested so far.
    /// @return open Whether the spell may still grow.
    function spell(bytes32 subject, uint256 index) external view returns (uint64 from, uint64 until, bool open);

    /// @notice First sign of trouble: true earlier than a spell begins to count.
    function alarmed(bytes32 subject) external view returns (bool);

    /// @notice The last sign of life on the host, UTC: a beat, a report, an alarm, an attendance; before any, the path's creation.
    function lastHeard(bytes32 subject) external view returns (uint64);

    /// @notice Until when the path's attestations are paid for, UTC; the largest number if nobody pays for them.
    function fundedUntil(bytes32 subject) external view returns (uint64);
}
