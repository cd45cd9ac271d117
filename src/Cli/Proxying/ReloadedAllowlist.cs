using System.Runtime.InteropServices;
using NitroEnclaves.Proxy;

namespace NitroEnclaves.Cli.Proxying;

/// <summary>The proxy's allowlist, read anew when SIGHUP comes. A file that cannot be read then changes nothing, and is named.</summary>
sealed class ReloadedAllowlist : IDisposable
{
    readonly PosixSignalRegistration? _registration;

    // Two signals may come at once: the list that was read last is the one that holds.
    readonly Lock _reading = new();
    volatile ProxyAllowlist _current;

    ReloadedAllowlist(ProxyAllowlist first, string? path)
    {
        _current = first;
        // Where a terminal is, the signal says that it is gone, and a proxy has no reason to stay.
        _registration = path is not null && Console.IsErrorRedirected ? PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            Reload(path);
        }) : null;
    }

    /// <summary>The list of the moment.</summary>
    public ProxyAllowlist Current => _current;

    /// <summary>Told of each new list.</summary>
    public Func<ProxyAllowlist, Task>? Changed { get; set; }

    /// <summary>Reads the list.</summary>
    /// <param name="allowed">Entries of the command line, which stay; none for the file.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="CommandFailure">It is no allowlist, or cannot be read.</exception>
    public static ReloadedAllowlist Read(string[] allowed, string path)
    {
        try
        {
            return allowed.Length > 0 ? new ReloadedAllowlist(ProxyAllowlist.Parse(allowed), null) : new ReloadedAllowlist(ProxyAllowlistFile.Load(path), path);
        }
        catch (FormatException exception)
        {
            throw new CommandFailure(3, exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(19, $"The allowlist cannot be read: {exception.Message} Write it, name another with --config, or give --allow.");
        }
    }

    public void Dispose() => _registration?.Dispose();

    void Reload(string path)
    {
        lock (_reading)
        {
            try
            {
                _current = ProxyAllowlistFile.Load(path);
                Console.Error.WriteLine($"{path} was read anew: {_current.Count} entries.");
                _ = Changed?.Invoke(_current);
            }
            catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"The allowlist stays as it was: {exception.Message}");
            }
        }
    }
}
