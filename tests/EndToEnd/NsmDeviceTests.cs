using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using NitroEnclaves.Attestation;
using NitroEnclaves.Enclaves;
using NitroEnclaves.Vsock;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary><c>/dev/nsm</c> as a C program sees it: requests written by hand, through the kernel's own driver, and its answers' bytes.</summary>
public sealed class NsmDeviceTests
{
    const uint Command = 0xC0200A00;
    const uint ResponseRoom = 0x3000;
    const int InvalidArgument = 22;
    const int MessageTooLong = 90;

    static readonly string s_zeros = new('0', 96);

    [Theory(Timeout = 180_000)]
    [InlineData(KernelKind.Enclave, EngineChoice.Qemu)]
    [InlineData(KernelKind.Debian, EngineChoice.Qemu)]
    [InlineData(KernelKind.Debian, EngineChoice.Process)]
    public async Task All_requests_are_answered_byte_for_byte_and_the_kernel_draws_its_randomness_from_them(KernelKind kernel, EngineChoice engine)
    {
        await using var host = new EnclaveHost(engine);
        var image = await GuestImage.FromProgramAsync("nsm", kernel: kernel);
        await using var enclave = await host.StartAsync(host.Options(image.Path) with { DebugMode = true });
        var console = GuestConsole.FollowAsync(enclave.Client);
        await using (var connection = await host.ConnectAsync(enclave.Info, 5000))
        {
            await DescribeAsync(connection, enclave.Info.EnclaveId);
            await ExtendAndLockAsync(connection);
            await RefuseAsync(connection);
            await AttestAsync(connection, host);
            await CallTheDriverWronglyAsync(connection);
        }

        var end = await enclave.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((EnclaveEndKind.Exited, 0), (end.Kind, end.Status));
        if (engine == EngineChoice.Process)
        {
            // The machine's own kernel has its own randomness.
            return;
        }

        var printed = await console;
        Assert.Contains("mode: 20666, major 10\n", printed, StringComparison.Ordinal);
        Assert.Contains("rng_current: nsm-hwrng\n", printed, StringComparison.Ordinal);
        Assert.Contains("getrandom: 32\n", printed, StringComparison.Ordinal);
        Assert.Contains("hwrng: 32\n", printed, StringComparison.Ordinal);
    }

    static async Task DescribeAsync(VsockConnection connection, string moduleId)
    {
        var description = await AskAsync(connection, Text("DescribeNSM"));
        var locked = string.Concat(Enumerable.Range(0, 16).Select(index => $"{index:x2}"));
        Assert.Equal(
            Map("DescribeNSM", "a7" + Text("version_major") + "01" + Text("version_minor") + "00" + Text("version_patch") + "00"
                + Text("module_id") + Text(moduleId) + Text("max_pcrs") + "1820" + Text("locked_pcrs") + "90" + locked + Text("digest") + Text("SHA384")),
            description);

        var first = await AskAsync(connection, Text("GetRandom"));
        var prefix = Map("GetRandom", Map("random", "590100"));
        Assert.StartsWith(prefix, first, StringComparison.Ordinal);
        Assert.Equal(prefix.Length + 2 * 256, first.Length);
        Assert.NotEqual(first, await AskAsync(connection, Text("GetRandom")));
    }

    static async Task ExtendAndLockAsync(VsockConnection connection)
    {
        var extended = Convert.ToHexStringLower(SHA384.HashData([.. new byte[48], .. "abc"u8]));
        Assert.Equal(Map("DescribePCR", "a2" + Text("lock") + "f4" + Text("data") + "5830" + s_zeros), await AskAsync(connection, Map("DescribePCR", Map("index", "10"))));
        Assert.Equal(
            Map("ExtendPCR", Map("data", "5830" + extended)), await AskAsync(connection, Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "43616263")));
        Assert.Equal(Text("LockPCR"), await AskAsync(connection, Map("LockPCR", Map("index", "10"))));
        Assert.Equal(Map("DescribePCR", "a2" + Text("lock") + "f5" + Text("data") + "5830" + extended), await AskAsync(connection, Map("DescribePCR", Map("index", "10"))));
        Assert.Equal(Text("LockPCRs"), await AskAsync(connection, Map("LockPCRs", Map("range", "00"))));
        Assert.Equal(Text("LockPCRs"), await AskAsync(connection, Map("LockPCRs", Map("range", "12"))));
    }

    static async Task RefuseAsync(VsockConnection connection)
    {
        Assert.Equal(Error("ReadOnlyIndex"), await AskAsync(connection, Map("ExtendPCR", "a2" + Text("index") + "10" + Text("data") + "40")));
        Assert.Equal(Error("ReadOnlyIndex"), await AskAsync(connection, Map("ExtendPCR", "a2" + Text("index") + "11" + Text("data") + "40")));
        Assert.Equal(Error("ReadOnlyIndex"), await AskAsync(connection, Map("LockPCR", Map("index", "00"))));
        Assert.Equal(Error("InvalidIndex"), await AskAsync(connection, Map("DescribePCR", Map("index", "1820"))));
        Assert.Equal(Error("InvalidIndex"), await AskAsync(connection, Map("LockPCRs", Map("range", "1821"))));
        Assert.Equal(Error("InvalidOperation"), await AskAsync(connection, Text("Reboot")));
        Assert.Equal(Error("InvalidOperation"), await AskAsync(connection, Text("DescribePCR")));
        Assert.Equal(Error("InvalidOperation"), await AskAsync(connection, Map("ExtendPCR", Map("index", "12"))));
        Assert.Equal(Error("InvalidOperation"), await AskAsync(connection, "ff"));
        // An index may have any width, and bytes after the request do not matter.
        Assert.StartsWith(Map("DescribePCR", "a2"), await AskAsync(connection, Map("DescribePCR", Map("index", "190004")) + "00"), StringComparison.Ordinal);
    }

    static async Task AttestAsync(VsockConnection connection, EnclaveHost host)
    {
        // 1025 bytes: hardware signs them, whatever the documentation says.
        var nonce = new byte[1025];
        var fields = "a3" + Text("user_data") + "f6" + Text("nonce") + "590401" + Convert.ToHexStringLower(nonce) + Text("public_key") + "f6";
        var response = Convert.FromHexString(await AskAsync(connection, Map("Attestation", fields)));
        var start = Convert.FromHexString(Map("Attestation", Map("document", "59")));
        Assert.Equal(start, response[..start.Length]);
        Assert.Equal(response.Length - start.Length - 2, BinaryPrimitives.ReadUInt16BigEndian(response.AsSpan(start.Length)));
        var document = UnverifiedAttestationDocument.Parse(response.AsSpan(start.Length + 2), new AttestationLimits { FieldLength = nonce.Length });
        Assert.Equal(nonce, document.Nonce!.Value.ToArray());
        Assert.Null(document.UserData);
        Assert.Equal([.. Enumerable.Range(0, 18)], document.Pcrs.Keys);
        Assert.Equal(Nsm.PcrValue.OfInstance(host.InstanceId), document.Pcrs[4]);

        // The longest request there is.
        var longest = Map("Attestation", Map("user_data", $"59{4096 - 27:x4}" + new string('a', 2 * (4096 - 27))));
        Assert.Equal(2 * 4096, longest.Length);
        Assert.StartsWith(Map("Attestation", ""), await AskAsync(connection, longest), StringComparison.Ordinal);
    }

    static async Task CallTheDriverWronglyAsync(VsockConnection connection)
    {
        Assert.Equal(InvalidArgument, (await CallAsync(connection, Command + 1, Text("DescribeNSM"))).Error);
        Assert.Equal(MessageTooLong, (await CallAsync(connection, Command, new string('0', 2 * 4097))).Error);
        // The driver cuts an answer to the room there is, and calls that a success.
        var whole = await AskAsync(connection, Text("DescribeNSM"));
        Assert.Equal((0, whole[..20]), await CallAsync(connection, Command, Text("DescribeNSM"), room: 10));
        // None of it has disturbed the device.
        Assert.Equal(whole, await AskAsync(connection, Text("DescribeNSM")));
    }

    static async Task<string> AskAsync(VsockConnection connection, string request)
    {
        var (error, response) = await CallAsync(connection, Command, request);
        Assert.Equal(0, error);
        return response;
    }

    static async Task<(int Error, string Response)> CallAsync(VsockConnection connection, uint number, string request, uint room = ResponseRoom)
    {
        var order = new byte[12 + request.Length / 2];
        BinaryPrimitives.WriteUInt32LittleEndian(order, number);
        BinaryPrimitives.WriteInt32LittleEndian(order.AsSpan(4), request.Length / 2);
        BinaryPrimitives.WriteUInt32LittleEndian(order.AsSpan(8), room);
        Convert.FromHexString(request, order.AsSpan(12), out _, out _);
        await connection.Stream.WriteAsync(order, TestContext.Current.CancellationToken);
        var head = new byte[8];
        await connection.Stream.ReadExactlyAsync(head, TestContext.Current.CancellationToken);
        var response = new byte[BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(4))];
        await connection.Stream.ReadExactlyAsync(response, TestContext.Current.CancellationToken);
        return (BinaryPrimitives.ReadInt32LittleEndian(head), Convert.ToHexStringLower(response));
    }

    static string Error(string name) => Map("Error", Text(name));

    // A map of one entry, whose value follows as it is.
    static string Map(string key, string value) => "a1" + Text(key) + value;

    static string Text(string text) =>
        (text.Length < 24 ? $"{0x60 + text.Length:x2}" : $"78{text.Length:x2}") + Convert.ToHexStringLower(Encoding.ASCII.GetBytes(text));
}
