// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a running test may ask of the machine.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit() external;
    function expectEmit(address emitter) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function label(address account, string calldata name) external;
    function etch(address target, bytes calldata code) external;
    function deal(address account, uint256 balance) external;
    function store(address target, bytes32 slot, bytes32 value) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function mockCall(address target, bytes calldata data, bytes calldata answer) external;
    function mockCallRevert(address target, bytes calldata data, bytes calldata answer) external;
    function clearMockedCalls() external;
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function getNonce(address account) external view returns (uint64);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function toString(uint256 value) external pure returns (string memory);
    function toString(int256 value) external pure returns (string memory);
    function toString(address value) external pure returns (string memory);
    function toString(bytes32 value) external pure returns (string memory);
}

/// @title Labelled assertions and the machine's handle; every test contract inherits it
abstract contract Test {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    address[] private _targets;

    /// @notice The contracts an invariant run may call; the runner asks for them.
    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    function targetContract(address target) internal {
        _targets.push(target);
    }

    /// @dev The address of a name, distinct and free of code.
    function makeAddr(string memory name) internal returns (address account) {
        account = vm.addr(uint256(keccak256(bytes(name))));
        vm.label(account, name);
    }

    /// @dev Maps `value` into [low, high] without discarding the run.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        require(low <= high, "bound: empty range");
        if (value >= low && value <= high) return value;
        uint256 size = high - low + 1;
        return size == 0 ? value : low + value % size;
    }

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, what);
    }

    function assertFalse(bool condition, string memory what) internal pure {
        require(!condition, what);
    }

    function assertEq(uint256 given, uint256 expected, string memory what) internal pure {
        if (given != expected) _fail(what, vm.toString(given), " is not ", vm.toString(expected));
    }

    function assertEq(address given, address expected, string memory what) internal pure {
        if (given != expected) _fail(what, vm.toString(given), " is not ", vm.toString(expected));
    }

    function assertEq(bytes32 given, bytes32 expected, string memory what) internal pure {
        if (given != expected) _fail(what, vm.toString(given), " is not ", vm.toString(expected));
    }

    function assertEq(bool given, bool expected, string memory what) internal pure {
        if (given != expected) _fail(what, given ? "true" : "false", " is not ", expected ? "true" : "false");
    }

    function assertEq(string memory given, string memory expected, string memory what) internal pure {
        if (keccak256(bytes(given)) != keccak256(bytes(expected))) _fail(what, given, " is not ", expected);
    }

    function assertLe(uint256 given, uint256 most, string memory what) internal pure {
        if (given > most) _fail(what, vm.toString(given), " is above ", vm.toString(most));
    }

    function assertGe(uint256 given, uint256 least, string memory what) internal pure {
        if (given < least) _fail(what, vm.toString(given), " is below ", vm.toString(least));
    }

    function assertLt(uint256 given, uint256 bar, string memory what) internal pure {
        if (given >= bar) _fail(what, vm.toString(given), " is not below ", vm.toString(bar));
    }

    function assertGt(uint256 given, uint256 bar, string memory what) internal pure {
        if (given <= bar) _fail(what, vm.toString(given), " is not above ", vm.toString(bar));
    }

    function _fail(string memory what, string memory given, string memory relation, string memory expected)
        private
        pure
    {
        revert(string.concat(what, ": ", given, relation, expected));
    }
}
