// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPath, PathKind} from "../src/interfaces/IPath.sol";

/// @title A path that says what a test tells it to, and can misbehave in every way the book must survive
contract ScriptedPath is IPath {
    enum Mood {
        SOUND,
        REVERTING,
        BURNING,
        BOMBING,
        SHORT_ANSWER,
        FROM_FUTURE,
        BACKWARDS,
        NO_BOOL,
        HUNGRY
    }

    struct Spell {
        uint64 from;
        uint64 until;
        bool open;
    }

    PathKind public immutable kind;
    bytes32[] private _parties;
    Spell[] private _spells;
    Mood private _mood;
    bool private _alarmed;
    uint256 private _lastHeard;
    uint256 private _fundedUntil = type(uint64).max;

    constructor(PathKind kind_, bytes32[] memory parties_) {
        kind = kind_;
        _parties = parties_;
        _lastHeard = block.timestamp;
    }

    /* SCRIPT */

    function add(uint64 from, uint64 until, bool open) external {
        _spells.push(Spell(from, until, open));
    }

    function grow(uint64 until, bool open) external {
        _spells[_spells.length - 1].until = until;
        _spells[_spells.length - 1].open = open;
    }

    function forget() external {
        delete _spells;
    }

    function setMood(Mood mood) external {
        _mood = mood;
    }

    function setAlarmed(bool on) external {
        _alarmed = on;
    }

    function setLastHeard(uint256 time) external {
        _lastHeard = time;
    }

    /// @notice How many spells it was told, in whatever mood it is.
    function told() external view returns (uint256) {
        return _spells.length;
    }

    /// @notice Where the last of them ends.
    function end() external view returns (uint64) {
        return _spells[_spells.length - 1].until;
    }

    function heardAt() external view returns (uint256) {
        return _lastHeard;
    }

    function setFundedUntil(uint256 until) external {
        _fundedUntil = until;
    }

    /* EVIDENCE */

    function parties() external view returns (bytes32[] memory) {
        return _parties;
    }

    function spellCount(bytes32) external view returns (uint256) {
        _misbehave();
        return _spells.length;
    }

    function spell(bytes32, uint256 index) external view returns (uint64 from, uint64 until, bool open) {
        Spell memory each = _spells[index];
        // Only the newest is out of order, so that a reader who is not thorough would take the others.
        if (index + 1 < _spells.length) return (each.from, each.until, each.open);
        if (_mood == Mood.FROM_FUTURE) return (each.from, uint64(block.timestamp) + 1, each.open);
        if (_mood == Mood.BACKWARDS) return (each.until, each.from, each.open);
        if (_mood == Mood.NO_BOOL) {
            assembly ("memory-safe") {
                let free := mload(0x40)
                mstore(free, mload(each))
                mstore(add(free, 32), mload(add(each, 32)))
                mstore(add(free, 64), 2)
                return(free, 96)
            }
        }
        return (each.from, each.until, each.open);
    }

    function alarmed(bytes32) external view returns (bool) {
        _misbehave();
        return _alarmed;
    }

    function lastHeard(bytes32) external view returns (uint64) {
        _misbehave();
        _answer(_lastHeard);
    }

    function fundedUntil(bytes32) external view returns (uint64) {
        _misbehave();
        _answer(_fundedUntil);
    }

    /// @dev Says it though it be no number of 64 bits.
    function _answer(uint256 value) private pure {
        assembly ("memory-safe") {
            mstore(0, value)
            return(0, 32)
        }
    }

    function _misbehave() private view {
        if (_mood == Mood.REVERTING) revert("out of order");
        if (_mood == Mood.BURNING) {
            uint256 burnt;
            while (true) burnt++;
        }
        // Just within what it is given.
        if (_mood == Mood.HUNGRY) {
            uint256 enough = gasleft() - 100_000;
            while (gasleft() > enough) {}
        }
        if (_mood == Mood.BOMBING) {
            assembly ("memory-safe") {
                return(0, 20000)
            }
        }
        if (_mood == Mood.SHORT_ANSWER) {
            assembly ("memory-safe") {
                return(0, 31)
            }
        }
    }
}
