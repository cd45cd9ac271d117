using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;

namespace NitroEnclaves.Enclaves;

/// <summary>One connection of a command: the command twice, its argument, the answer (eif-and-nitro-cli 3.5).</summary>
sealed class CommandSession(Socket socket, ICommandTarget target, uint owner) : IDisposable
{
    const int Success = 0;
    const int NotPermittedStatus = 13;
    const int ExistsStatus = 17;
    const ulong DebugModeFlag = 1;
    const int ConsoleChunk = 16 * 1024;

    /// <summary>So long a peer may take to receive a part of an answer.</summary>
    internal static readonly TimeSpan ReplyPatience = TimeSpan.FromSeconds(10);

    static readonly TimeSpan s_requestPatience = TimeSpan.FromSeconds(5);

    readonly NetworkStream _stream = new(socket, ownsSocket: false);

    /// <summary>Lets the socket go without closing it: it is the caller's.</summary>
    public void Dispose() => _stream.Dispose();

    /// <summary>Serves the connection's one command.</summary>
    /// <returns>The command that was carried out; null when the peer sent none that it may send.</returns>
    public async Task<EnclaveCommand?> RunAsync(CancellationToken cancellationToken)
    {
        // nitro-cli's listener looks at the first copy of a command and its main loop at the second.
        var first = await ReadRequestAsync(cancellationToken).ConfigureAwait(false);
        var second = await ReadRequestAsync(cancellationToken).ConfigureAwait(false);
        if (!first.AsSpan().SequenceEqual(second) || CommandMessages.DecodeCommand(second) is not { } command
            || !CommandPolicy.Permits(command, PeerCredentials.Of(socket).UserId, owner))
        {
            return null;
        }

        await AnswerAsync(command, cancellationToken).ConfigureAwait(false);
        return command;
    }

    Task AnswerAsync(EnclaveCommand command, CancellationToken cancellationToken) => command switch
    {
        EnclaveCommand.GetEnclaveCID => WriteNumberAsync(target.Cid, cancellationToken),
        EnclaveCommand.GetEnclaveFlags => WriteNumberAsync(target.IsDebugMode ? DebugModeFlag : 0, cancellationToken),
        EnclaveCommand.GetEnclaveName => AnswerJsonAsync(Json(target.Name), cancellationToken),
        EnclaveCommand.GetIDbyName => AnswerIdByNameAsync(cancellationToken),
        EnclaveCommand.Describe => AnswerDescribeAsync(cancellationToken),
        EnclaveCommand.Terminate => AnswerTerminateAsync(cancellationToken),
        EnclaveCommand.Run => AnswerRunAsync(cancellationToken),
        EnclaveCommand.Console => AnswerConsoleAsync(cancellationToken),
        EnclaveCommand.Statistics => AnswerJsonAsync(JsonSerializer.Serialize(target.Statistics(), EnclaveJson.Context.EnclaveStatistics), cancellationToken),
        EnclaveCommand.Enter => AnswerEnterAsync(cancellationToken),
        EnclaveCommand.Admit => AnswerAdmitAsync(cancellationToken),
        _ => AnswerWaitAsync(cancellationToken),
    };

    // Whatever is to be run: this process has its enclave.
    async Task AnswerRunAsync(CancellationToken cancellationToken)
    {
        await ReadRequestAsync(cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeError("The enclave process has already been started.\n"), cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(ExistsStatus), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerJsonAsync(string json, CancellationToken cancellationToken)
    {
        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeOutput(json + "\n"), cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerIdByNameAsync(CancellationToken cancellationToken)
    {
        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        var name = CommandMessages.DecodeText(await ReadRequestAsync(cancellationToken).ConfigureAwait(false));
        if (name == target.Name)
        {
            await WriteAsync(CommandMessages.EncodeOutput(Json(target.Id) + "\n"), cancellationToken).ConfigureAwait(false);
        }

        await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerDescribeAsync(CancellationToken cancellationToken)
    {
        var metadata = CommandMessages.DecodeDescribe(await ReadRequestAsync(cancellationToken).ConfigureAwait(false));
        var json = JsonSerializer.Serialize(target.Describe(metadata), EnclaveJson.Context.EnclaveDescription);
        await AnswerJsonAsync(json, cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerTerminateAsync(CancellationToken cancellationToken)
    {
        target.Terminate();
        await target.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeError($"Successfully terminated enclave {target.Id}.\n"), cancellationToken).ConfigureAwait(false);
        var json = EnclaveJson.Write(new EnclaveTermination { EnclaveName = target.Name, EnclaveId = target.Id, Terminated = true });
        await WriteAsync(CommandMessages.EncodeOutput(json + "\n"), cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerWaitAsync(CancellationToken cancellationToken)
    {
        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        var end = await UnlessPeerLeaves(target.Ended, cancellationToken).ConfigureAwait(false);
        // Everybody may know how it ended; what it printed is for those who may read its console.
        end = CommandPolicy.Permits(EnclaveCommand.Console, PeerCredentials.Of(socket).UserId, owner) ? end : end with { ConsoleTail = null };
        await WriteAsync(
            CommandMessages.EncodeOutput(JsonSerializer.Serialize(end, EnclaveJson.Context.EnclaveEnd) + "\n"), cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerConsoleAsync(CancellationToken cancellationToken)
    {
        var follow = CommandMessages.DecodeConsole(await ReadRequestAsync(cancellationToken).ConfigureAwait(false));
        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        if (target.ReadableConsole is not { } console)
        {
            await RefuseAsync("The enclave was not started in debug mode: it has no console to be read.\n", cancellationToken).ConfigureAwait(false);
            return;
        }

        await CopyConsoleAsync(console, follow, cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerEnterAsync(CancellationToken cancellationToken)
    {
        if (target.Enterable is { } enclave)
        {
            await AnswerJsonAsync(JsonSerializer.Serialize(enclave.Entrance, EnclaveJson.Context.EnclaveEntrance), cancellationToken).ConfigureAwait(false);
            return;
        }

        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        await RefuseAsync("Only enclaves of the process engine in debug mode can be entered.\n", cancellationToken).ConfigureAwait(false);
    }

    async Task AnswerAdmitAsync(CancellationToken cancellationToken)
    {
        await WriteNumberAsync(CommandMessages.Confirmation, cancellationToken).ConfigureAwait(false);
        var text = CommandMessages.DecodeText(await ReadRequestAsync(cancellationToken).ConfigureAwait(false));
        try
        {
            if (target.Enterable is not { } enclave || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var process))
            {
                throw new EnclaveException(EnclaveFailure.InvalidCommand, "No process can be admitted to this enclave.");
            }

            enclave.Admit(process);
            await WriteAsync(CommandMessages.EncodeStatus(Success), cancellationToken).ConfigureAwait(false);
        }
        catch (EnclaveException exception)
        {
            await RefuseAsync(exception.Message + "\n", cancellationToken).ConfigureAwait(false);
        }
    }

    async Task RefuseAsync(string reason, CancellationToken cancellationToken)
    {
        await WriteAsync(CommandMessages.EncodeError(reason), cancellationToken).ConfigureAwait(false);
        await WriteAsync(CommandMessages.EncodeStatus(NotPermittedStatus), cancellationToken).ConfigureAwait(false);
    }

    async Task CopyConsoleAsync(ConsoleLog console, bool follow, CancellationToken cancellationToken)
    {
        if (follow)
        {
            console.Follow();
        }

        var buffer = new byte[ConsoleChunk];
        var position = 0L;
        var end = follow ? long.MaxValue : console.Length;
        while (position < end && await UnlessPeerLeaves(console.WaitAsync(position, cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false))
        {
            var count = console.Read(ref position, buffer, out var skipped);
            if (skipped > 0)
            {
                var note = System.Text.Encoding.UTF8.GetBytes($"\r\n[{skipped} bytes of output are no longer kept]\r\n");
                await WriteAsync(CommandMessages.EncodeConsoleOutput(note), cancellationToken).ConfigureAwait(false);
            }

            if (count > 0)
            {
                await WriteAsync(CommandMessages.EncodeConsoleOutput(buffer[..count]), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Somebody who waits says nothing more: whatever arrives, most of all the end of the stream, means that he is gone.
    async Task<T> UnlessPeerLeaves<T>(Task<T> task, CancellationToken cancellationToken)
    {
        if (task.IsCompleted)
        {
            return await task.ConfigureAwait(false);
        }

        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var leaving = _stream.ReadAsync(new byte[1], left.Token).AsTask();
        var first = await Task.WhenAny(task, leaving).ConfigureAwait(false);
        if (first != task)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new EndOfStreamException();
        }

        await left.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(leaving).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    async Task<byte[]> ReadRequestAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_requestPatience);
        return await CommandFrame.ReadAsync(_stream, CommandFrame.LongestRequest, patience.Token).ConfigureAwait(false)
            ?? throw new EndOfStreamException();
    }

    async Task WriteAsync(byte[] item, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(ReplyPatience);
        await CommandFrame.WriteAsync(_stream, item, patience.Token).ConfigureAwait(false);
    }

    async Task WriteNumberAsync(ulong number, CancellationToken cancellationToken) =>
        await CommandFrame.WriteNumberAsync(_stream, number, cancellationToken).ConfigureAwait(false);

    static string Json(string text) => JsonSerializer.Serialize(text, EnclaveJson.Context.String);
}
