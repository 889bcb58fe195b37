// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Span} from "../interfaces/IIncidentBook.sol";
import {IPath} from "../interfaces/IPath.sol";

/// @title Reads paths that may revert, burn gas, return too much or make no sense: such a path is skipped and spoils nothing
/// @dev Every call gets the same gas, or the whole transaction reverts: who calls can't leave a path out by sending too little.
library PathReader {
    /// @dev Gas that one view of a path may use.
    uint256 internal constant STIPEND = 150_000;
    /// @dev What the check below, the call itself and the copying of its answer cost at most.
    uint256 internal constant MARGIN = 10_000;
    /// @dev Newest spells of a path that are looked at.
    uint256 internal constant MAX_SPELLS = 16;
    /// @dev Spells beyond `reach` that are looked at besides, so that an outage in many pieces is found in few steps.
    uint256 internal constant MAX_LATER = 8;
    /// @dev Newest spells of a path among which those within `reach` are searched.
    uint256 private constant SEARCHED = 65_536;

    /// @notice The newest spells of `subject` that end after `since`, oldest first; none if the path is not in order.
    /// @param reach Later spells don't crowd out those that begin up to then; the largest number if that does not matter.
    /// @return found At most `MAX_SPELLS` that begin up to `reach`, and `MAX_LATER` that follow.
    function spells(address path, bytes32 subject, uint64 since, uint64 reach)
        internal
        view
        returns (Span[] memory found)
    {
        (bool sound, uint256[3] memory answer) = _ask(path, abi.encodeCall(IPath.spellCount, (subject)), 32);
        if (!sound) return new Span[](0);
        uint256 count = answer[0];
        uint256 most = MAX_SPELLS;
        if (reach != type(uint64).max) {
            most += MAX_LATER;
            if (count > most) count = _countUpTo(path, subject, count, reach);
        }

        Span[] memory newest = new Span[](count < most ? count : most);
        uint256 kept;
        uint256 bound = block.timestamp;
        while (kept < newest.length) {
            (sound, answer) = _ask(path, abi.encodeCall(IPath.spell, (subject, count - 1 - kept)), 96);
            // From < until, in order, disjoint, nothing from the future, and a bool that is one.
            if (!sound || answer[0] >= answer[1] || answer[1] > bound || answer[2] > 1) return new Span[](0);
            if (answer[1] <= since) break;
            bound = answer[0];
            newest[kept++] = Span(uint64(answer[0]), uint64(answer[1]));
        }

        found = new Span[](kept);
        for (uint256 i; i < kept; i++) {
            found[i] = newest[kept - 1 - i];
        }
    }

    /// @dev How many spells there are up to `MAX_LATER` after the last one that begins by `reach`. A path that is not in order gets what
    /// comes of it; `spells` sees whether what it shows makes sense.
    function _countUpTo(address path, bytes32 subject, uint256 count, uint64 reach) private view returns (uint256) {
        uint256 low = count > SEARCHED ? count - SEARCHED : 0;
        uint256 high = count;
        while (low < high) {
            uint256 middle = low + (high - low) / 2;
            (bool sound, uint256[3] memory answer) = _ask(path, abi.encodeCall(IPath.spell, (subject, middle)), 96);
            if (!sound) return 0;
            if (answer[0] <= reach) low = middle + 1;
            else high = middle;
        }
        return count - low < MAX_LATER ? count : low + MAX_LATER;
    }

    /// @notice Whether the path is alarmed for `subject`, and whether it could say so.
    function alarmed(address path, bytes32 subject) internal view returns (bool sound, bool on) {
        uint256[3] memory answer;
        (sound, answer) = _ask(path, abi.encodeCall(IPath.alarmed, (subject)), 32);
        sound = sound && answer[0] <= 1;
        on = sound && answer[0] == 1;
    }

    /// @notice When the path was last heard of for `subject`, and whether everything it should answer it answers in order.
    function heard(address path, bytes32 subject) internal view returns (bool sound, uint64 last) {
        (sound,) = alarmed(path, subject);
        if (!sound) return (false, 0);
        uint256[3] memory answer;
        (sound,) = _ask(path, abi.encodeCall(IPath.spellCount, (subject)), 32);
        if (!sound) return (false, 0);
        (sound, answer) = _ask(path, abi.encodeCall(IPath.lastHeard, (subject)), 32);
        sound = sound && answer[0] <= block.timestamp;
        if (sound) last = uint64(answer[0]);
    }

    /// @notice Until when the path's attestations of `subject` are paid for, and whether it could say so.
    function fundedUntil(address path, bytes32 subject) internal view returns (bool sound, uint64 until) {
        uint256[3] memory answer;
        (sound, answer) = _ask(path, abi.encodeCall(IPath.fundedUntil, (subject)), 32);
        sound = sound && answer[0] <= type(uint64).max;
        if (sound) until = uint64(answer[0]);
    }

    /// @dev Copies at most `size` bytes of the answer, which must be exactly as long.
    function _ask(address path, bytes memory question, uint256 size)
        private
        view
        returns (bool sound, uint256[3] memory answer)
    {
        uint256 left = gasleft();
        if (left - left / 64 <= STIPEND + MARGIN) revert IIncidentBook.NotEnoughGas(left, STIPEND + MARGIN);

        uint256 stipend = STIPEND;
        assembly ("memory-safe") {
            sound := staticcall(stipend, path, add(question, 32), mload(question), answer, size)
            sound := and(sound, eq(returndatasize(), size))
        }
    }
}
