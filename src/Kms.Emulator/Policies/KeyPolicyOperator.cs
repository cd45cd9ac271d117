namespace NitroEnclaves.Kms.Emulator;

/// <summary>The condition operators that the emulator evaluates, named as in policies. It refuses policies with others.</summary>
enum KeyPolicyOperator
{
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    Null,
}
