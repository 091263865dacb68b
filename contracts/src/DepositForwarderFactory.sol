// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DepositForwarder} from "./DepositForwarder.sol";

/// @title Deposit addresses by CREATE2 (EIP-1014), one for each 32-byte salt
/// @notice Sweeping is open to everybody: it can only move money to the treasury, which only the owner can change.
contract DepositForwarderFactory {
    /// @notice keccak256 of a proxy's creation code: with this address and a salt it gives a deposit address.
    bytes32 public immutable initCodeHash;

    address public immutable owner;
    address private immutable implementation;
    address payable public treasury;

    event TreasuryChanged(address treasury);
    /// @notice The token refused to move; the money stays at the deposit address for a later sweep.
    event NotSwept(bytes32 indexed salt, address indexed token);

    error NotOwner();
    error NoTreasury();
    error NotDeployed();

    constructor(address owner_, address payable treasury_) {
        owner = owner_;
        implementation = address(new DepositForwarder());
        initCodeHash = keccak256(_initCode(implementation));
        _setTreasury(treasury_);
    }

    /// @notice Redirects every deposit address, used or not yet used.
    function setTreasury(address payable treasury_) external {
        if (msg.sender != owner) revert NotOwner();
        _setTreasury(treasury_);
    }

    /// @notice Sends what lies at the deposit addresses of `salts` to the treasury, deploying those that do not exist.
    /// One address whose token refuses does not hold up the rest.
    /// @param token Zero address for the native coin.
    function sweep(address token, bytes32[] calldata salts) external {
        for (uint256 i = 0; i < salts.length; ++i) {
            address forwarder = depositAddress(salts[i]);
            if (forwarder.code.length == 0) _deploy(salts[i]);
            if (!DepositForwarder(forwarder).flush(token)) emit NotSwept(salts[i], token);
        }
    }

    /// @notice The deposit address of a salt, whether or not it is deployed.
    function depositAddress(bytes32 salt) public view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, initCodeHash)))));
    }

    /// @dev Ten bytes that return the proxy; then the proxy: stop at once when there is no calldata, so that plain
    /// payments cost the payer next to nothing, else the minimal proxy of EIP-1167 with its jump moved by six bytes.
    function _initCode(address target) private pure returns (bytes memory) {
        return abi.encodePacked(
            hex"3d603380600a3d3981f3",
            hex"36600557005b",
            hex"363d3d373d3d3d363d73",
            target,
            hex"5af43d82803e903d91603157fd5bf3"
        );
    }

    function _deploy(bytes32 salt) private {
        bytes memory code = _initCode(implementation);
        address deployed;
        assembly ("memory-safe") {
            deployed := create2(0, add(code, 32), mload(code), salt)
        }
        if (deployed == address(0)) revert NotDeployed();
    }

    function _setTreasury(address payable treasury_) private {
        if (treasury_ == address(0)) revert NoTreasury();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }
}
