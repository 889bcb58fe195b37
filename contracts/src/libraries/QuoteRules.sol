// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ICoverPool} from "../interfaces/ICoverPool.sol";
import {IIncidentBook, SaleRules, Span} from "../interfaces/IIncidentBook.sol";
import {IPermit2} from "../interfaces/IPermit2.sol";
import {IPolicyBook, Listing, Permit, Quote, Semantics, Terms} from "../interfaces/IPolicyBook.sol";
import {Payoff} from "./Payoff.sol";
import {PolicyRecord, Record, Shelf} from "./PolicyRecord.sol";
import {QuoteHash} from "./QuoteHash.sol";

/// @title Which quotes are sound, and who has signed them
library QuoteRules {
    using Payoff for Terms;
    using PolicyRecord for Record;
    using PolicyRecord for Shelf;

    uint256 private constant MAXIMUM_OFFER = 1 hours;
    uint256 private constant MAXIMUM_LEAD = 30 days;
    uint256 private constant LONGEST_INCIDENT = 168 hours;
    uint256 private constant MAXIMUM_EXCLUSIONS = 4;
    uint256 private constant BASIS_POINTS = 10_000;
    uint256 private constant SIGNATURE_GAS = 200_000;

    /* SIGNATURES */

    /// @notice The EIP-712 digest of a quote.
    function digest(Quote calldata quote, bytes32 domain) external pure returns (bytes32) {
        return _digest(quote, domain);
    }

    function _digest(Quote calldata quote, bytes32 domain) private pure returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domain, QuoteHash.hash(quote));
    }

    /// @notice Whether `signer`, which is not the zero address, has signed: by its key, or else by ERC-1271 at bounded cost.
    function hasSigned(address signer, bytes32 digest_, bytes calldata signature) public view returns (bool) {
        // The key first: it spares most signers the look at their code.
        (address recovered, ECDSA.RecoverError why,) = ECDSA.tryRecoverCalldata(digest_, signature);
        if (why == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;

        try IERC1271(signer).isValidSignature{gas: SIGNATURE_GAS}(digest_, signature) returns (bytes4 answer) {
            return answer == IERC1271.isValidSignature.selector;
        } catch {
            return false;
        }
    }

    /// @notice Hands the buyer's permit in, if it can be: the premium's transfer shows whether it was needed.
    function tryPermit(Quote calldata quote, ICoverPool pool, Permit calldata permit) external {
        if (permit.permit2) {
            address permit2 = pool.permit2();
            if (permit2.code.length == 0) return;
            IPermit2.PermitDetails memory details =
                IPermit2.PermitDetails(quote.asset, permit.amount, permit.expiration, permit.nonce);
            IPermit2.PermitSingle memory single = IPermit2.PermitSingle(details, quote.pool, permit.deadline);
            try IPermit2(permit2).permit(quote.buyer, single, permit.signature) {} catch {}
        } else if (permit.signature.length == 65) {
            (bytes32 r, bytes32 s) = abi.decode(permit.signature[:64], (bytes32, bytes32));
            uint8 v = uint8(permit.signature[64]);
            try IERC20Permit(quote.asset).permit(quote.buyer, quote.pool, permit.amount, permit.deadline, v, r, s) {}
                catch {}
        }
    }

    /* OFFERS */

    /// @notice Whether the quote may be sold now, if `signer` has signed it; if that is the zero address, it was signed and the trigger quiet
    /// when it was ordered.
    /// @return subject The trigger's. @return incidents How many incidents it has had: none of them is the policy's.
    function check(
        Quote calldata quote,
        Shelf storage shelf,
        address signer,
        bytes calldata signature,
        bytes32 domain,
        IIncidentBook book,
        ICoverPool pool
    ) external view returns (bytes32 subject, uint256 incidents) {
        if (signer != address(0)) _checkOffer(quote, signer, signature, domain, pool);
        Listing memory bounds = shelf.listing();
        if (bounds.minimumTerm == 0) revert IPolicyBook.NotListed(quote.triggerId);
        if (!bounds.open) revert IPolicyBook.SalesClosed(quote.triggerId);
        SaleRules memory rules = book.saleRules(quote.triggerId);
        _checkCover(quote, bounds, rules);
        if (signer != address(0) && !rules.quiet) revert IPolicyBook.NotQuiet(quote.triggerId);
        // The open one may yet begin after what is sold while it is.
        bool open = signer == address(0) && rules.incidents > 0;
        return (rules.subject, open ? rules.incidents - 1 : rules.incidents);
    }

    /// @dev Whether the quote is of this pool, in time, and signed.
    function _checkOffer(
        Quote calldata quote,
        address signer,
        bytes calldata signature,
        bytes32 domain,
        ICoverPool pool
    ) private view {
        if (quote.pool != address(pool)) revert IPolicyBook.WrongQuote("pool");
        if (quote.asset != IERC4626(address(pool)).asset()) revert IPolicyBook.WrongQuote("asset");
        _atLeast("deadline", quote.deadline, block.timestamp);
        _atMost("deadline", quote.deadline, block.timestamp + MAXIMUM_OFFER);
        if (!hasSigned(signer, _digest(quote, domain), signature)) revert IPolicyBook.BadSignature(signer);
    }

    /// @notice Whether the quote continues a policy without a gap as the same cover of the same holder. Once: a second one would be more.
    function checkRenewal(Quote calldata quote, Record storage record, bytes32 triggerId, address holder)
        external
        view
    {
        if (record.flags & (PolicyRecord.CANCELLED | PolicyRecord.RENEWED) != 0) {
            revert IPolicyBook.NotRenewable(quote.renews);
        }
        if (quote.buyer != holder) revert IPolicyBook.WrongQuote("buyer");
        if (quote.triggerId != triggerId) revert IPolicyBook.WrongQuote("triggerId");
        if (quote.start != record.end) revert IPolicyBook.WrongQuote("start");
        if (quote.terms.failoverBenefit > 0 && quote.standby != record.standby) {
            revert IPolicyBook.WrongQuote("standby");
        }
        if (keccak256(abi.encode(quote.terms)) != keccak256(abi.encode(record.terms()))) {
            revert IPolicyBook.WrongQuote("terms");
        }
    }

    /* COVER */

    /// @dev Whether cover and terms keep to the listing and to the trigger's rules, however they are signed.
    function _checkCover(Quote calldata quote, Listing memory bounds, SaleRules memory rules) private view {
        uint256 earliest = quote.renews == 0 ? block.timestamp + rules.coolingOff : block.timestamp;
        _atLeast("start", quote.start, earliest);
        _atMost("start", quote.start, earliest + MAXIMUM_LEAD);
        _atLeast("end", quote.end, uint256(quote.start) + bounds.minimumTerm);
        _atMost("end", quote.end, uint256(quote.start) + bounds.maximumTerm);
        _atMost("end", quote.end, Math.min(rules.fundedUntil, type(uint32).max));
        _checkExclusions(quote.exclusions);

        Terms memory terms = quote.terms;
        _checkTerms(terms, bounds);
        _atMost("premium", quote.premium, type(uint88).max);
        _atLeast("premium", quote.premium, _floorPremiumUp(terms, bounds.floorRate, quote.end - quote.start));
        // Else a claim could be cut by the end of the tail, and the payoff were no function of covered seconds.
        _atLeast("tail", rules.tail, terms.secondsToLimitUp(LONGEST_INCIDENT) + rules.challengePeriod);
    }

    function _checkTerms(Terms memory terms, Listing memory bounds) private pure {
        _atLeast("waiting", terms.waiting, bounds.minimumWaiting);
        _atMost("waiting", terms.waiting, type(uint24).max);
        _atLeast("rate", terms.rate, 1);
        _atMost("incidentLimit", terms.incidentLimit, terms.aggregateLimit);
        // Neither the benefit nor the seconds that the waiting period pays in arrears may reach the limit sooner.
        uint256 least = bounds.minimumSecondsToLimit;
        if (terms.semantics == Semantics.QUALIFYING) least += terms.waiting;
        _atLeast("incidentLimit", terms.incidentLimit, Math.max(1, terms.rate * least + terms.failoverBenefit));
    }

    function _checkExclusions(Span[] calldata exclusions) private pure {
        _atMost("exclusions", exclusions.length, MAXIMUM_EXCLUSIONS);
        uint256 last;
        for (uint256 i; i < exclusions.length; ++i) {
            _atLeast("exclusions", exclusions[i].from, last);
            last = exclusions[i].until;
            _atLeast("exclusions", last, uint256(exclusions[i].from) + 1);
            _atMost("exclusions", last, type(uint40).max);
        }
    }

    function _floorPremiumUp(Terms memory terms, uint256 floorRate, uint256 term) private pure returns (uint256) {
        return Math.mulDiv(terms.aggregateLimit, floorRate * term, BASIS_POINTS * 365 days, Math.Rounding.Ceil);
    }

    /// @param field A word, so that naming it costs nothing where all is well.
    function _atLeast(bytes32 field, uint256 value, uint256 bound) private pure {
        if (value < bound) revert IPolicyBook.QuoteOutOfBounds(_name(field), value, bound);
    }

    function _atMost(bytes32 field, uint256 value, uint256 bound) private pure {
        if (value > bound) revert IPolicyBook.QuoteOutOfBounds(_name(field), value, bound);
    }

    function _name(bytes32 field) private pure returns (string memory) {
        uint256 length;
        while (length < 32 && field[length] != 0) ++length;
        bytes memory name = new bytes(length);
        for (uint256 i; i < length; ++i) {
            name[i] = field[i];
        }
        return string(name);
    }
}
