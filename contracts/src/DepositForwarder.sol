// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

interface Treasury {
    function treasury() external view returns (address payable);
}

/// @title What every deposit address runs
/// @notice The factory deploys it once; deposit addresses are small proxies that delegate here. Whatever arrives at one
/// can go to the factory's treasury and nowhere else, so anybody may call `flush`. There is no key, owner or storage.
contract DepositForwarder {
    using Token for address;

    Treasury private immutable factory = Treasury(msg.sender);

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
