using System.Text;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>Reads an enclave's console as text; a serial line ends its lines with CR and LF, the text with LF alone.</summary>
static class GuestConsole
{
    /// <summary>What was printed until now.</summary>
    public static Task<string> ReadAsync(EnclaveClient enclave) => ReadAsync(enclave, follow: false);

    /// <summary>What was printed and will be, until the enclave ends.</summary>
    public static Task<string> FollowAsync(EnclaveClient enclave) => ReadAsync(enclave, follow: true);

    /// <summary>Waits until a line was printed, and so often.</summary>
    public static async Task WaitForAsync(EnclaveClient enclave, string line, int times = 1)
    {
        while ((await ReadAsync(enclave)).Split('\n').Count(printed => printed == line) < times)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    static async Task<string> ReadAsync(EnclaveClient enclave, bool follow)
    {
        using var output = new MemoryStream();
        await enclave.CopyConsoleAsync(output, follow, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(output.GetBuffer().AsSpan(0, (int)output.Length)).ReplaceLineEndings("\n");
    }
}
