// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title Many ERC-20 payments in one transaction
/// @notice Holds nothing: units go from the caller straight to each recipient, within the caller's allowance.
/// All are paid or none is.
contract BatchPayer {
    using Token for address;

    error LengthsDiffer();
    error NotPaid(address recipient, uint256 units);

    function pay(address token, address[] calldata recipients, uint256[] calldata units) external {
        if (recipients.length != units.length) revert LengthsDiffer();
        for (uint256 i = 0; i < recipients.length; ++i) {
            if (!token.tryTransferFrom(msg.sender, recipients[i], units[i])) revert NotPaid(recipients[i], units[i]);
        }
    }
}
