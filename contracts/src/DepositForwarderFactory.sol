// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DepositForwarder} from "./DepositForwarder.sol";

/// @title Deposit addresses by CREATE2 (EIP-1014), one for each 32-byte salt
/// @notice Sweeping is open to everybody: it can only move money to the treasury, which only the owner can change.
contract DepositForwarderFactory {
    /// @notice keccak256 of the forwarder's creation code: with this address and a salt it gives a deposit address.
    bytes32 public constant initCodeHash = keccak256(type(DepositForwarder).creationCode);

    address public immutable owner;
    address payable public treasury;

    event TreasuryChanged(address treasury);
    /// @notice The token refused to move; the money stays at the deposit address for a later sweep.
    event NotSwept(bytes32 indexed salt, address indexed token);

    error NotOwner();
    error NoTreasury();

    constructor(address owner_, address payable treasury_) {
        owner = owner_;
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
            address payable forwarder = payable(depositAddress(salts[i]));
            if (forwarder.code.length == 0) new DepositForwarder{salt: salts[i]}();
            if (!DepositForwarder(forwarder).flush(token)) emit NotSwept(salts[i], token);
        }
    }

    /// @notice The deposit address of a salt, whether or not it is deployed.
    function depositAddress(bytes32 salt) public view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, initCodeHash)))));
    }

    function _setTreasury(address payable treasury_) private {
        if (treasury_ == address(0)) revert NoTreasury();
        treasury = treasury_;
        emit TreasuryChanged(treasury_);
    }
}
