using NitroEnclaves.Nsm;

namespace NitroEnclaves.Fuzz.Targets;

/// <summary>
/// Replies of an NSM that cannot be trusted. Whatever it answers to any of the seven requests, the client gives a value within its
/// documented bounds, or an <see cref="NsmException"/>.
/// </summary>
sealed class NsmReplyFuzzTarget : IFuzzTarget
{
    static readonly string[] s_errors = ["InvalidIndex", "ReadOnlyIndex", "SomethingNew"];

    readonly FixedReply _reply = new();
    readonly byte[] _random = new byte[16];

    public string Name => "reply";

    public IEnumerable<byte[]> Seeds { get; } = [.. Replies()];

    public void Run(ReadOnlySpan<byte> input)
    {
        _reply.Bytes = input.ToArray();
        using var client = new NsmClient(_reply);
        Try(() =>
        {
            var description = client.DescribeNsm();
            Check(description.LockedPcrs.All(index => index is >= 0 and <= ushort.MaxValue) && description.MaxPcrs is >= 0 and <= ushort.MaxValue);
        });
        Try(() => client.GetRandom(_random));
        Try(() => client.DescribePcr(16));
        Try(() => client.ExtendPcr(16, [1, 2, 3]));
        Try(() => client.LockPcr(16));
        Try(() => client.LockPcrs(16));
        Try(() => Check(client.GetAttestationDocument().Length <= _reply.Bytes.Length));
    }

    static void Try(Action request)
    {
        try
        {
            request();
        }
        catch (NsmException)
        {
        }
    }

    static void Check(bool holds)
    {
        if (!holds)
        {
            throw new InvalidOperationException("A reply was accepted that is out of its bounds.");
        }
    }

    // What a software NSM answers, with both orders of keys, and errors of known and unknown names.
    static IEnumerable<byte[]> Replies()
    {
        foreach (var order in Enum.GetValues<NsmKeyOrder>())
        {
            var recorder = new Recorder(new NsmModule(new NsmModuleOptions
            {
                ModuleId = "i-0123456789abcdef0-enc0123456789abcdef",
                Signer = new ShortDocument(),
                KeyOrder = order,
            }));
            using var client = new NsmClient(recorder);
            client.DescribeNsm();
            client.GetRandom(new byte[1]);
            client.DescribePcr(0);
            client.ExtendPcr(16, []);
            client.LockPcr(17);
            client.LockPcrs(18);
            client.GetAttestationDocument();
            foreach (var reply in recorder.Replies)
            {
                yield return reply;
            }
        }

        foreach (var error in s_errors)
        {
            yield return [0xA1, 0x65, .. "Error"u8, (byte)(0x60 + error.Length), .. System.Text.Encoding.ASCII.GetBytes(error)];
        }
    }

    sealed class FixedReply : INsmTransport
    {
        public byte[] Bytes { get; set; } = [];

        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
        {
            var length = Math.Min(Bytes.Length, response.Length);
            Bytes.AsSpan(0, length).CopyTo(response);
            return length;
        }
    }

    sealed class Recorder(NsmModule module) : INsmTransport
    {
        public List<byte[]> Replies { get; } = [];

        public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
        {
            var length = module.Exchange(request, response);
            Replies.Add(response[..length].ToArray());
            return length;
        }
    }

    sealed class ShortDocument : IDocumentSigner
    {
        public byte[] Sign(AttestationDocumentContent content) => [0x84, 0x40, 0xA0, 0x40, 0x40];
    }
}
