using System.CommandLine;
using NitroEnclaves.Enclaves;

namespace NitroEnclaves.Cli.Commands;

/// <summary><c>nitro console</c>: what a debug-mode enclave printed, from its beginning, and goes on printing.</summary>
static class ConsoleCommand
{
    public static Command Create()
    {
        var selection = new EnclaveSelection();
        var timeout = new Option<ulong?>("--disconnect-timeout") { HelpName = "SECONDS", Description = "Leave after so many seconds." };
        var command = new Command("console", "Show the console of a debug-mode enclave from its beginning, and follow it.") { timeout };
        selection.AddTo(command);
        command.SetAction((parsed, cancellationToken) => CommandErrors.RunAsync(async () =>
        {
            var registry = new EnclaveRegistry();
            await FollowAsync(registry, await selection.FindAsync(parsed, registry, cancellationToken), parsed.GetValue(timeout), cancellationToken);
            return ExitCodes.Success;
        }));
        return command;
    }

    /// <summary>Shows an enclave's console until the enclave ends, the time is over or the user leaves.</summary>
    public static async Task FollowAsync(EnclaveRegistry registry, EnclaveEntry enclave, ulong? seconds, CancellationToken cancellationToken)
    {
        Console.Out.WriteLine($"Connecting to the console for enclave {enclave.Cid}...");
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (seconds is { } limit)
        {
            // Longer than a timer can wait is as good as for ever.
            leave.CancelAfter(TimeSpan.FromSeconds(Math.Min(limit, int.MaxValue / 1000)));
        }

        await using var output = Console.OpenStandardOutput();
        var announced = new AnnouncingStream(output, "Successfully connected to the console.\n");
        try
        {
            await registry.Connect(enclave.Id).CopyConsoleAsync(announced, follow: true, leave.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The time that the user gave is over.
        }
    }

    /// <summary>Writes a line before the first bytes, which come only once the console was granted.</summary>
    sealed class AnnouncingStream(Stream inner, string line) : Stream
    {
        bool _announced;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_announced)
            {
                _announced = true;
                await inner.WriteAsync(System.Text.Encoding.ASCII.GetBytes(line), cancellationToken);
            }

            await inner.WriteAsync(buffer, cancellationToken);
        }

        public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
