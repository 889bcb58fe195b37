// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Which paths are independent: paths that share a party, directly or through others, are one family
library Families {
    /// @param parties For each path everybody who alone could falsify or silence it.
    /// @return families For each path its family, numbered from zero in order of first appearance.
    /// @return count How many families there are.
    function assign(bytes32[][] memory parties) internal pure returns (uint8[] memory families, uint256 count) {
        uint256 paths = parties.length;
        uint256[] memory root = new uint256[](paths);
        for (uint256 i; i < paths; i++) {
            root[i] = i;
            for (uint256 j; j < i; j++) {
                if (root[i] != root[j] && _share(parties[i], parties[j])) _join(root, root[i], root[j]);
            }
        }

        families = new uint8[](paths);
        for (uint256 i; i < paths; i++) {
            // A root is the lowest index of its family, so its number is already set when another member asks for it.
            families[i] = root[i] == i ? uint8(count++) : families[root[i]];
        }
    }

    /// @dev Relabels so that the lower of the two roots stands for both.
    function _join(uint256[] memory root, uint256 a, uint256 b) private pure {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        for (uint256 i; i < root.length; i++) {
            if (root[i] == high) root[i] = low;
        }
    }

    function _share(bytes32[] memory a, bytes32[] memory b) private pure returns (bool) {
        for (uint256 i; i < a.length; i++) {
            for (uint256 j; j < b.length; j++) {
                if (a[i] == b[j]) return true;
            }
        }
        return false;
    }
}
