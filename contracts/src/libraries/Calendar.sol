// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IIncidentBook, Span} from "../interfaces/IIncidentBook.sol";
import {SpanList} from "./SpanList.sol";
import {Rule} from "./TriggerRules.sol";

/// @title Announced stops: signed well ahead, and little of a year
library Calendar {
    uint64 private constant SOONEST = 72 hours;
    uint64 private constant LATEST = 30 days;
    uint64 private constant SHORTEST = 10 minutes;
    uint64 private constant YEAR = 365 days;
    /// @dev Windows that may begin within a year. Bounds every walk over them.
    uint256 private constant MOST_A_YEAR = 32;
    uint256 private constant SIGNATURE_GAS = 100_000;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant WINDOW_TYPEHASH = keccak256("Window(bytes32 triggerId,uint64 from,uint64 until)");

    /// @dev See `IIncidentBook.announce`.
    function announce(Rule storage rule, bytes32 triggerId, Span calldata window, bytes calldata signature) external {
        address signer = rule.calendarSigner;
        if (signer == address(0)) revert IIncidentBook.NoCalendar(triggerId);
        _checkTimes(rule, window);
        if (!_signed(signer, digest(triggerId, window), signature)) revert IIncidentBook.BadWindowSignature(signer);

        rule.windows.push(window);
        rule.interrupted = true;

        emit IIncidentBook.WindowAnnounced(triggerId, window.from, window.until);
    }

    /// @dev What the signer signs, by the EIP-712 domain of the contract that this runs for.
    function digest(bytes32 triggerId, Span calldata window) public view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("IncidentBook"), keccak256("1"), block.chainid, address(this))
        );
        bytes32 content = keccak256(abi.encode(WINDOW_TYPEHASH, triggerId, window.from, window.until));
        return MessageHashUtils.toTypedDataHash(domain, content);
    }

    /// @dev Checked at each window for the year that ends with it, the seconds hold for every year.
    function _checkTimes(Rule storage rule, Span calldata window) private view {
        uint64 earliest = uint64(block.timestamp) + SOONEST;
        uint64 latest = uint64(block.timestamp) + LATEST;
        uint256 count = rule.windows.length;
        if (count != 0 && rule.windows[count - 1].until > earliest) earliest = rule.windows[count - 1].until;
        if (window.from < earliest || window.from > latest) {
            revert IIncidentBook.WindowOutOfRange(window.from, earliest, latest);
        }
        if (window.until < window.from || window.until - window.from < SHORTEST) {
            revert IIncidentBook.WindowTooShort(window.from, window.until, SHORTEST);
        }

        uint64 announced = window.until - window.from;
        if (count >= MOST_A_YEAR && rule.windows[count - MOST_A_YEAR].from + YEAR > window.from) {
            revert IIncidentBook.TooManyWindows(MOST_A_YEAR);
        }
        uint64 yearAgo = window.until - YEAR;
        Span[] memory recent = SpanList.endingAfter(rule.windows, yearAgo);
        for (uint256 i; i < recent.length; i++) {
            announced += recent[i].until - (recent[i].from > yearAgo ? recent[i].from : yearAgo);
        }
        uint64 most = rule.calendarSecondsPerYear;
        if (announced > most) revert IIncidentBook.CalendarExhausted(announced, most);
    }

    /// @dev A contract that signs is asked at bounded cost. Whoever sends too little gas for that only fails himself.
    function _signed(address signer, bytes32 hash, bytes calldata signature) private view returns (bool) {
        if (signer.code.length == 0) {
            (address recovered, ECDSA.RecoverError fault,) = ECDSA.tryRecoverCalldata(hash, signature);
            return fault == ECDSA.RecoverError.NoError && recovered == signer;
        }
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (hash, signature));
        bytes32 answer;
        bool sound;
        assembly ("memory-safe") {
            mstore(0, 0)
            sound := staticcall(SIGNATURE_GAS, signer, add(question, 32), mload(question), 0, 32)
            sound := and(sound, eq(returndatasize(), 32))
            answer := mload(0)
        }
        return sound && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
