// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

// The smallest contracts that stand around a Vault in the differential tests. Each does one thing and
// checks nothing that the contracts under test are supposed to check themselves.

/// An ERC-20 whose every holder has approved every spender, so that a transfer fails only for want of balance.
contract Token {
    mapping(address => uint256) public balanceOf;
    uint8 public decimals;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function allowance(address, address) external pure returns (uint256) {
        return type(uint256).max;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        return _move(from, to, amount);
    }

    function _move(address from, address to, uint256 amount) internal returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
        return true;
    }
}

/// Wrapped ether: one token per wei held.
contract WrappedEther is Token(18) {
    function deposit() external payable {
        balanceOf[msg.sender] += msg.value;
    }

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        payable(msg.sender).transfer(amount);
    }
}

/// A rate that the test sets.
contract RateProvider {
    uint256 public getRate;

    constructor(uint256 rate) {
        getRate = rate;
    }

    function setRate(uint256 rate) external {
        getRate = rate;
    }
}

/// A yield-bearing token as the linear pools ask for it: an ERC-4626 vault share and an Aave static token in one.
/// `rate` is what 1e18 shares are worth in units of the asset.
contract WrappedToken is Token {
    address public immutable asset;
    uint256 public rate;

    constructor(uint8 decimals_, address asset_, uint256 rate_) Token(decimals_) {
        asset = asset_;
        rate = rate_;
    }

    function setRate(uint256 rate_) external {
        rate = rate_;
    }

    function convertToAssets(uint256 shares) external view returns (uint256) {
        return (shares * rate) / 1e18;
    }

    function ASSET() external view returns (address) {
        return asset;
    }

    function LENDING_POOL() external view returns (address) {
        return address(this);
    }

    /// Aave keeps this number with 27 decimals.
    function getReserveNormalizedIncome(address) external view returns (uint256) {
        return rate * 1e9;
    }
}

/// Takes a flash loan and gives back what it was told to: per token `repay` is added to the loan (which may be negative).
contract FlashBorrower {
    function receiveFlashLoan(Token[] memory tokens, uint256[] memory amounts, uint256[] memory, bytes memory userData)
        external
    {
        int256[] memory extra = abi.decode(userData, (int256[]));
        for (uint256 i = 0; i < tokens.length; ++i) {
            tokens[i].transfer(msg.sender, uint256(int256(amounts[i]) + extra[i]));
        }
    }
}
