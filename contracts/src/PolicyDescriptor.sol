// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IPolicyBook, Policy, Semantics} from "./interfaces/IPolicyBook.sol";
import {IPolicyDescriptor} from "./interfaces/IPolicyDescriptor.sol";

/// @title PolicyDescriptor
/// @notice See `IPolicyDescriptor`.
/// @dev Text from elsewhere is escaped: an asset's symbol is not ours, and a subject's id has been checked.
contract PolicyDescriptor is IPolicyDescriptor {
    using Strings for *;

    /// @inheritdoc IPolicyDescriptor
    function tokenURI(IPolicyBook policies, uint256 policyId) external view returns (string memory) {
        Policy memory policy = policies.policy(policyId);
        string memory subject = policies.incidentBook().getTrigger(policy.triggerId).subjectId;
        IERC20Metadata asset = IERC20Metadata(IERC4626(address(policies.pool())).asset());
        uint8 decimals = asset.decimals();
        string memory symbol = asset.symbol().escapeJSON();

        bytes memory json = abi.encodePacked(
            '{"name":"Downtime cover ',
            policyId.toString(),
            " of ",
            subject,
            '","description":"Pays ',
            _amount(uint256(policy.terms.rate) * 3600, decimals, symbol),
            " for each hour that ",
            subject,
            " is down, by contract and without a claim. What is left of it changes with every payment: compare the fingerprint.",
            '","image":"data:image/svg+xml;base64,',
            Base64.encode(_picture(policyId, subject, _status(policy))),
            '","attributes":[',
            _attributes(policies, policyId, policy, decimals, symbol),
            "]}"
        );
        return string.concat("data:application/json;base64,", Base64.encode(json));
    }

    function _attributes(
        IPolicyBook policies,
        uint256 policyId,
        Policy memory policy,
        uint8 decimals,
        string memory symbol
    ) private view returns (bytes memory) {
        bytes memory terms = abi.encodePacked(
            _trait("Status", _status(policy)),
            _trait("Semantics", policy.terms.semantics == Semantics.RETENTION ? "retention" : "qualifying"),
            _number("Waiting period, seconds", policy.terms.waiting),
            _trait("Failover benefit", _amount(policy.terms.failoverBenefit, decimals, symbol)),
            _trait("Incident limit", _amount(policy.terms.incidentLimit, decimals, symbol)),
            _trait("Aggregate limit", _amount(policy.terms.aggregateLimit, decimals, symbol))
        );
        return abi.encodePacked(
            terms,
            _trait("Owed so far", _amount(policy.owed, decimals, symbol)),
            _trait("Paid so far", _amount(policy.paid, decimals, symbol)),
            _date("Start", policy.start),
            _date("End", policy.end),
            '{"trait_type":"Fingerprint","value":"',
            uint256(policies.getStateFingerprint(policyId)).toHexString(32),
            '"}'
        );
    }

    function _status(Policy memory policy) private view returns (string memory) {
        if (policy.released) return "released";
        if (policy.cancelled) return "cancelled";
        if (block.timestamp >= policy.end) return "in its tail";
        return block.timestamp < policy.start ? "not begun" : "in force";
    }

    function _picture(uint256 policyId, string memory subject, string memory status)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 270" font-family="sans-serif" fill="#fff">',
            '<rect width="480" height="270" fill="#16324f"/><text x="30" y="70" font-size="30">Downtime cover ',
            policyId.toString(),
            '</text><text x="30" y="135" font-size="20">',
            subject,
            '</text><text x="30" y="220" font-size="20">',
            status,
            "</text></svg>"
        );
    }

    function _trait(string memory name, string memory value) private pure returns (bytes memory) {
        return abi.encodePacked('{"trait_type":"', name, '","value":"', value, '"},');
    }

    function _number(string memory name, uint256 value) private pure returns (bytes memory) {
        return abi.encodePacked('{"trait_type":"', name, '","value":', value.toString(), "},");
    }

    function _date(string memory name, uint64 time) private pure returns (bytes memory) {
        return
            abi.encodePacked(
                '{"display_type":"date","trait_type":"', name, '","value":', uint256(time).toString(), "},"
            );
    }

    /// @dev Whole units and as many decimal places as are needed.
    function _amount(uint256 amount, uint8 decimals, string memory symbol) private pure returns (string memory) {
        uint256 unit = 10 ** decimals;
        string memory whole = (amount / unit).toString();
        uint256 rest = amount % unit;
        if (rest == 0) return string.concat(whole, " ", symbol);

        bytes memory places = bytes((unit + rest).toString());
        uint256 length = places.length;
        while (places[length - 1] == "0") --length;
        bytes memory fraction = new bytes(length);
        for (uint256 i; i < length; ++i) {
            fraction[i] = places[i];
        }
        // The leading one that kept the zeros makes place for the point.
        fraction[0] = ".";
        return string.concat(whole, string(fraction), " ", symbol);
    }
}
