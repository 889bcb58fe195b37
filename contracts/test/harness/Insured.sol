// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CoverPool} from "../../src/CoverPool.sol";

/// @title Which triggers a settlement must name
library Insured {
    /// @return named Those of `all` with limits in force, in ascending order.
    function triggers(CoverPool pool, bytes32[3] memory all) internal view returns (bytes32[] memory named) {
        named = new bytes32[](3);
        uint256 count;
        for (uint256 i; i < 3; ++i) {
            (uint256 limits,) = pool.limitsOf(all[i]);
            if (limits == 0) continue;
            uint256 at = count++;
            for (; at > 0 && named[at - 1] > all[i]; --at) {
                named[at] = named[at - 1];
            }
            named[at] = all[i];
        }
        assembly ("memory-safe") {
            mstore(named, count)
        }
    }
}
