// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicyBook} from "./IPolicyBook.sol";

/// @title What wallets show of a policy
interface IPolicyDescriptor {
    /// @notice ERC-721 metadata of a policy as a data URI: name, description, picture and attributes, all from the chain.
    function tokenURI(IPolicyBook policies, uint256 policyId) external view returns (string memory);
}
