using System.Runtime.InteropServices;

namespace NitroEnclaves.Init;

/// <summary>The enclave cannot be brought up. The message says what failed and why; there is nobody else to ask.</summary>
sealed class InitException(string message) : Exception(message)
{
    /// <summary>A failed call of the C library, with the reason of the last error number.</summary>
    /// <param name="attempt">What was attempted, to follow "cannot".</param>
    internal static InitException FromLastError(string attempt) => FromError(attempt, Marshal.GetLastPInvokeError());

    /// <summary>A failed call that returned its error number.</summary>
    /// <param name="attempt">What was attempted, to follow "cannot".</param>
    /// <param name="errno">The error number.</param>
    internal static InitException FromError(string attempt, int errno) =>
        new($"cannot {attempt}: {Marshal.GetPInvokeErrorMessage(errno)} (error {errno})");
}
