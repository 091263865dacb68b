// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice ERC-20 calls that accept tokens which return nothing and report those which return false.
library Token {
    function balanceOf(address token, address owner) internal view returns (uint256) {
        (bool ok, bytes memory answer) = token.staticcall(abi.encodeWithSignature("balanceOf(address)", owner));
        return ok && answer.length >= 32 ? abi.decode(answer, (uint256)) : 0;
    }

    function tryTransfer(address token, address to, uint256 units) internal returns (bool) {
        return _call(token, abi.encodeWithSignature("transfer(address,uint256)", to, units));
    }

    function tryTransferFrom(address token, address from, address to, uint256 units) internal returns (bool) {
        return _call(token, abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, units));
    }

    function _call(address token, bytes memory data) private returns (bool) {
        (bool ok, bytes memory answer) = token.call(data);
        if (!ok || token.code.length == 0) return false;
        return answer.length == 0 || (answer.length >= 32 && uint256(bytes32(answer)) == 1);
    }
}
