using NitroEnclaves.Vsock;

namespace NitroEnclaves.Enclaves;

/// <summary>Reads the console of a debug-mode enclave, which the hypervisor offers at CID 0 (eif-and-nitro-cli 3.6).</summary>
static class NitroConsole
{
    /// <summary>The hypervisor's CID.</summary>
    public const uint HypervisorCid = 0;

    // The port of the console is the enclave's CID and this.
    const uint PortOffset = 10_000;

    // nitro-cli waits as long for a console's connection.
    static readonly TimeSpan s_connectPatience = TimeSpan.FromSeconds(20);
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Connects, and reads until the enclave ends or the token is cancelled. A console that cannot be had is said in its place.</summary>
    /// <param name="connector">Reaches the hypervisor.</param>
    /// <param name="cid">The enclave's CID.</param>
    /// <param name="output">Takes what the enclave prints.</param>
    /// <param name="time">The clock of the patience.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task CopyAsync(
        VsockConnector connector, uint cid, Action<ReadOnlyMemory<byte>> output, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await ConnectAsync(connector, cid + PortOffset, time, cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                var buffer = new byte[16 * 1024];
                for (int read; (read = await connection.Stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
                {
                    output(buffer.AsMemory(0, read));
                }
            }
        }
        catch (VsockException exception)
        {
            output(System.Text.Encoding.UTF8.GetBytes($"The enclave's console cannot be read: {exception.Message}\n"));
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The enclave has ended, or is being ended.
        }
    }

    // The hypervisor serves the console of an enclave a moment after it was started, and till then refuses.
    static async Task<VsockConnection> ConnectAsync(VsockConnector connector, uint port, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var since = time.GetTimestamp(); ; await Task.Delay(s_pause, time, cancellationToken).ConfigureAwait(false))
        {
            try
            {
                return await connector.ConnectAsync(HypervisorCid, port, cancellationToken).ConfigureAwait(false);
            }
            catch (VsockException) when (time.GetElapsedTime(since) < s_connectPatience)
            {
            }
        }
    }
}
