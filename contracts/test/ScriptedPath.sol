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

    constructor(PathKind kind_, bytes32[] memory parties_) {
        kind = kind_;
        _parties = parties_;
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
