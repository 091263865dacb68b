// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

interface Treasury {
    function treasury() external view returns (address payable);
}

/// @title The deposit address of one lease
/// @notice Whatever arrives here can go to the factory's treasury and nowhere else, so anybody may call `flush`.
/// It has no key, no owner and no storage. Money may arrive before the contract exists.
contract DepositForwarder {
    using Token for address;

    Treasury private immutable factory = Treasury(msg.sender);

    receive() external payable {}

    /// @notice Sends the whole balance of `token` (zero address: native coin) to the treasury.
    /// @return moved False when there was something to send and the token or the treasury refused it.
    function flush(address token) external returns (bool moved) {
        address payable treasury = factory.treasury();
        if (token == address(0)) {
            (moved, ) = treasury.call{value: address(this).balance}("");
            return moved;
        }
        uint256 balance = token.balanceOf(address(this));
        return balance == 0 || token.tryTransfer(treasury, balance);
    }
}
