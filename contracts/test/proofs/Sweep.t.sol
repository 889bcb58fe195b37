// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../../src/interfaces/IIncidentBook.sol";
import {Sweep, Track} from "../../src/libraries/Sweep.sol";
import {Proof} from "./Proof.sol";

/// @title A second is covered exactly if enough families claim it, not all of them by absence alone
/// @dev For every second and every place of the spells, a quorum of two: the sweep compares its numbers and does nothing else with them, so
/// what it says hangs on their order alone, and any nine numbers have their order among `NUMBERS` of them. Bounded, for each order of end
/// points is a path of its own: two paths with any window, or three without one, of a spell each. More paths, spells and quorums are held
/// against an oracle in tests/test_sweep_contract.py. Many small questions without arithmetic: the faster solver to start.
/// @custom:halmos --solver-command yices-smt2
contract SweepProofs is Proof {
    uint64 private constant NEVER = type(uint64).max;
    uint64 private constant NUMBERS = 16;

    function check_TwoFamiliesWithinAWindow(uint64[4] calldata ends, uint64 since, uint64 cap, uint64 second)
        external
        pure
    {
        vm.assume(since < NUMBERS && cap < NUMBERS && second < NUMBERS);
        Track[] memory tracks = new Track[](2);
        tracks[0] = _track(0, false, ends[0], ends[1]);
        tracks[1] = _track(1, true, ends[2], ends[3]);
        _exact(tracks, since, cap, second);
    }

    function check_ThreeFamiliesOfWhichOneIsAbsence(uint64[6] calldata ends, uint64 second) external pure {
        vm.assume(second < NUMBERS);
        _exact(_three([0, 1, 2], [true, false, false], ends), 0, NEVER, second);
    }

    function check_ThreeFamiliesOfWhichTwoAreAbsence(uint64[6] calldata ends, uint64 second) external pure {
        vm.assume(second < NUMBERS);
        _exact(_three([0, 1, 2], [true, true, false], ends), 0, NEVER, second);
    }

    function check_TwoPathsOfOneFamilyCountOnce(uint64[6] calldata ends, uint64 second) external pure {
        vm.assume(second < NUMBERS);
        _exact(_three([0, 0, 1], [false, true, true], ends), 0, NEVER, second);
    }

    function check_AbsenceAloneCoversNothing(uint64[6] calldata ends) external pure {
        Track[] memory tracks = _three([0, 1, 2], [true, true, true], ends);
        assert(Sweep.covered(tracks, 2, 0, NEVER).length == 0);
    }

    function _three(uint8[3] memory families, bool[3] memory absence, uint64[6] calldata ends)
        private
        pure
        returns (Track[] memory tracks)
    {
        tracks = new Track[](3);
        for (uint256 i; i < 3; ++i) {
            tracks[i] = _track(families[i], absence[i], ends[2 * i], ends[2 * i + 1]);
        }
    }

    function _track(uint8 family, bool absence, uint64 from, uint64 until) private pure returns (Track memory track) {
        vm.assume(from < until && until < NUMBERS);
        track = Track(family, absence, new Span[](1));
        track.spells[0] = Span(from, until);
    }

    function _exact(Track[] memory tracks, uint64 since, uint64 cap, uint64 second) private pure {
        Span[] memory covered = Sweep.covered(tracks, 2, since, cap);
        uint256 found;
        for (uint256 i; i < covered.length; ++i) {
            assert(covered[i].from < covered[i].until);
            assert(i == 0 || covered[i - 1].until < covered[i].from);
            found |= _within(second, covered[i].from, covered[i].until);
        }
        assert(found == _within(second, since, cap) & _agreed(tracks, second));
    }

    /// @dev Without a branch, so that it adds no paths.
    function _agreed(Track[] memory tracks, uint64 second) private pure returns (uint256) {
        uint256[3] memory claims;
        uint256 witnessed;
        for (uint256 i; i < tracks.length; ++i) {
            uint256 claimed = _within(second, tracks[i].spells[0].from, tracks[i].spells[0].until);
            claims[tracks[i].family] |= claimed;
            if (!tracks[i].absence) witnessed |= claimed;
        }
        uint256 two = (claims[0] & claims[1]) | (claims[0] & claims[2]) | (claims[1] & claims[2]);
        return two & witnessed;
    }

    function _within(uint64 second, uint64 from, uint64 until) private pure returns (uint256 one) {
        assembly ("memory-safe") {
            one := and(iszero(lt(second, from)), lt(second, until))
        }
    }
}
