// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IIncidentBook} from "../interfaces/IIncidentBook.sol";

/// @title Which names of subjects are canonical
/// @dev CAIP-2 (`namespace:reference`) for chains, `svc:<slug>` for services. One subject has one spelling: an `eip155` reference
/// is a decimal number without leading zeros. The chain this runs on is never a subject: it can't witness its own halt.
library SubjectId {
    /// @dev Reverts with `InvalidSubject` or `HostIsNoSubject` unless `id` is canonical and not the host's.
    function check(string memory id) internal view {
        bytes memory text = bytes(id);
        uint256 colon = _colon(text);
        bytes32 namespace = _prefix(text, colon);
        uint256 length = text.length - colon - 1;

        bool sound;
        if (namespace == "svc") {
            sound = length >= 1 && length <= 64 && _all(text, colon + 1, _isSlug);
        } else if (namespace == "eip155") {
            sound = length >= 1 && length <= 32 && text[colon + 1] != "0" && _all(text, colon + 1, _isDigit);
        } else {
            sound = length >= 1 && length <= 32 && _all(text, colon + 1, _isReference);
        }

        if (!sound) revert IIncidentBook.InvalidSubject(id);
        if (keccak256(text) == keccak256(bytes(string.concat("eip155:", Strings.toString(block.chainid))))) {
            revert IIncidentBook.HostIsNoSubject(id);
        }
    }

    /// @dev Where the namespace, 3 to 8 of [-a-z0-9], ends.
    function _colon(bytes memory text) private pure returns (uint256 end) {
        while (end < text.length && end < 9 && text[end] != ":") {
            if (!_isSlug(text[end])) revert IIncidentBook.InvalidSubject(string(text));
            end++;
        }
        if (end == text.length || end < 3 || end > 8) revert IIncidentBook.InvalidSubject(string(text));
    }

    function _prefix(bytes memory text, uint256 length) private pure returns (bytes32 prefix) {
        for (uint256 i; i < length; i++) {
            prefix |= bytes32(text[i]) >> (8 * i);
        }
    }

    function _all(bytes memory text, uint256 start, function(bytes1) pure returns (bool) allowed)
        private
        pure
        returns (bool)
    {
        for (uint256 i = start; i < text.length; i++) {
            if (!allowed(text[i])) return false;
        }
        return true;
    }

    function _isDigit(bytes1 c) private pure returns (bool) {
        return c >= "0" && c <= "9";
    }

    function _isSlug(bytes1 c) private pure returns (bool) {
        return (c >= "a" && c <= "z") || _isDigit(c) || c == "-";
    }

    function _isReference(bytes1 c) private pure returns (bool) {
        return _isSlug(c) || (c >= "A" && c <= "Z") || c == "_";
    }
}
