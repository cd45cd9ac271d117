using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace NitroEnclaves.Enclaves;

/// <summary>Commands one running enclave, through the socket of the process that owns it.</summary>
/// <remarks>Every call is a connection of its own; calls may run at the same time. Get one from <see cref="EnclaveRegistry.Connect"/>.</remarks>
public sealed class EnclaveClient
{
    // All of an enclave is put away before the answer, and a machine that ends many at once may take a minute. nitro-cli has no limit.
    static readonly TimeSpan s_terminationPatience = TimeSpan.FromMinutes(2);
    static readonly TimeSpan s_exitPatience = TimeSpan.FromSeconds(2);

    readonly string _path;

    internal EnclaveClient(string path) => _path = path;

    /// <summary>Describes the enclave.</summary>
    /// <param name="metadata">Whether the image's metadata is wanted too.</param>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <exception cref="EnclaveException">The enclave cannot be reached or gave no valid answer.</exception>
    public async Task<EnclaveDescription> DescribeAsync(bool metadata = false, CancellationToken cancellationToken = default)
    {
        using var connection = await SendAsync(EnclaveCommand.Describe, CommandMessages.EncodeDescribe(metadata), cancellationToken).ConfigureAwait(false);
        var json = await connection.ReadConfirmedOutputAsync(cancellationToken).ConfigureAwait(false);
        return Parse(json, EnclaveJson.Context.EnclaveDescription);
    }

    /// <summary>The enclave's CID.</summary>
    /// <exception cref="EnclaveException">The enclave cannot be reached or gave no valid answer.</exception>
    public async Task<uint> GetCidAsync(CancellationToken cancellationToken = default)
    {
        using var connection = await SendAsync(EnclaveCommand.GetEnclaveCID, null, cancellationToken).ConfigureAwait(false);
        return (uint)await connection.ReadNumberAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What the enclave has done so far.</summary>
    /// <param name="cancellationToken">Gives the wait up.</param>
    /// <exception cref="EnclaveException">The enclave cannot be reached or gave no valid answer.</exception>
    public async Task<EnclaveStatistics> GetStatisticsAsync(CancellationToken cancellationToken = default)
    {
        using var connection = await SendAsync(EnclaveCommand.Statistics, null, cancellationToken).ConfigureAwait(false);
        var json = await connection.ReadConfirmedOutputAsync(cancellationToken).ConfigureAwait(false);
        return Parse(json, EnclaveJson.Context.EnclaveStatistics);
    }

    /// <summary>Ends the enclave; completes when everything of it is gone.</summary>
    /// <exception cref="EnclaveException">The enclave cannot be reached, belongs to another user, or has not ended after two minutes.</exception>
    public async Task<EnclaveTermination> TerminateAsync(CancellationToken cancellationToken = default)
    {
        using var connection = await SendAsync(EnclaveCommand.Terminate, null, cancellationToken).ConfigureAwait(false);
        using var process = connection.WatchProcess();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_terminationPatience);
        string json;
        try
        {
            json = await connection.ReadOutputAsync(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessConnection, $"The enclave's process has not ended it within {s_terminationPatience.TotalMinutes:0} minutes.");
        }

        // The kernel closes a dying process's sockets a moment before the process itself is gone.
        await process.WaitAsync(s_exitPatience).ConfigureAwait(false);
        return Parse(json, EnclaveJson.Context.EnclaveTermination);
    }

    /// <summary>Waits for the enclave's end, whatever brings it.</summary>
    /// <exception cref="EnclaveException">The enclave cannot be reached, or its process was killed.</exception>
    public async Task<EnclaveEnd> WaitAsync(CancellationToken cancellationToken = default)
    {
        using var connection = await SendAsync(EnclaveCommand.Wait, null, cancellationToken).ConfigureAwait(false);
        var json = await connection.ReadConfirmedOutputAsync(cancellationToken).ConfigureAwait(false);
        return Parse(json, EnclaveJson.Context.EnclaveEnd);
    }

    /// <summary>Copies what the enclave has printed, from its beginning.</summary>
    /// <param name="destination">Where it goes; flushed after each piece.</param>
    /// <param name="follow">Goes on with what it prints from now on, until the enclave ends.</param>
    /// <param name="cancellationToken">Ends the copying.</param>
    /// <exception cref="EnclaveException">
    /// The enclave cannot be reached, or is not in debug mode and has no console to be read (<see cref="EnclaveFailure.Console"/>).
    /// </exception>
    public async Task CopyConsoleAsync(Stream destination, bool follow, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        using var connection = await SendAsync(EnclaveCommand.Console, CommandMessages.EncodeConsole(follow), cancellationToken).ConfigureAwait(false);
        await connection.ReadConfirmationAsync(cancellationToken).ConfigureAwait(false);
        var error = new StringBuilder();
        while (await connection.ReadReplyAsync(cancellationToken).ConfigureAwait(false) is { } reply)
        {
            error.Append(reply.Error);
            if (reply.ConsoleOutput is { } output)
            {
                await destination.WriteAsync(output, cancellationToken).ConfigureAwait(false);
                await destination.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (reply.Status is { } status and not 0)
            {
                throw new EnclaveException(EnclaveFailure.Console, error.Length > 0 ? error.ToString().Trim() : $"The console was refused with status {status}.");
            }
        }
    }

    /// <summary>
    /// Runs a program inside an enclave of the process engine that is in debug mode: as its program's user, in its root and namespaces, with its
    /// NSM and vsock, on this process's own standard input, output and error. A terminal there is the program's.
    /// </summary>
    /// <param name="command">The program and its arguments; without a slash in its name it is looked for on the image's PATH.</param>
    /// <param name="cancellationToken">Ends the program.</param>
    /// <returns>
    /// Its exit status; where a signal has ended it, 128 and the signal's number, as shells have it: 137 where the enclave has ended first.
    /// </returns>
    /// <exception cref="EnclaveException">
    /// The enclave cannot be reached, is not such an enclave (<see cref="EnclaveFailure.CommandNotExecuted"/>), or the program cannot be
    /// started (<see cref="EnclaveFailure.ProcessSpawn"/>, <see cref="EnclaveFailure.BootFailure"/>).
    /// </exception>
    public async Task<int> ExecuteAsync(IReadOnlyList<string> command, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Count);
        EnclaveEntrance entrance;
        using (var connection = await SendAsync(EnclaveCommand.Enter, null, cancellationToken).ConfigureAwait(false))
        {
            entrance = Parse(await connection.ReadConfirmedOutputAsync(cancellationToken).ConfigureAwait(false), EnclaveJson.Context.EnclaveEntrance);
        }

        using var program = await Task.Run(() => EnteringProgram.Enter(entrance, command), cancellationToken).ConfigureAwait(false);
        var process = CommandMessages.EncodeText(program.ProcessId.ToString(CultureInfo.InvariantCulture));
        using (var connection = await SendAsync(EnclaveCommand.Admit, process, cancellationToken).ConfigureAwait(false))
        {
            await connection.ReadConfirmedOutputAsync(cancellationToken).ConfigureAwait(false);
        }

        using var giveUp = cancellationToken.Register(static state => ((EnteringProgram)state!).Dispose(), program);
        var status = await Task.Factory.StartNew(program.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return status;
    }

    async Task<CommandConnection> SendAsync(EnclaveCommand command, byte[]? argument, CancellationToken cancellationToken)
    {
        var connection = await CommandConnection.OpenAsync(_path, cancellationToken).ConfigureAwait(false);
        try
        {
            await connection.SendAsync(command, argument, cancellationToken).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    static T Parse<T>(string json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException();
        }
        catch (JsonException exception)
        {
            throw new EnclaveException(EnclaveFailure.ProcessConnection, "The enclave's process gave no valid answer.", exception);
        }
    }
}
