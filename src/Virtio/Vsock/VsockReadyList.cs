namespace NitroEnclaves.Virtio;

/// <summary>
/// The connections that have something for the guest, first come first served: one that has been served and has more goes to the end, so
/// that a flood on one delays the others by one packet each at most. Links lie in the connections; nothing is allocated.
/// </summary>
sealed class VsockReadyList
{
    VsockDeviceConnection? _first;
    VsockDeviceConnection? _last;

    internal VsockDeviceConnection? First => _first;

    /// <summary>Adds a connection at the end unless it is in the list.</summary>
    internal void Add(VsockDeviceConnection connection)
    {
        if (connection.IsReady)
        {
            return;
        }

        connection.IsReady = true;
        connection.NextReady = null;
        if (_last is null)
        {
            _first = connection;
        }
        else
        {
            _last.NextReady = connection;
        }

        _last = connection;
    }

    /// <summary>Takes the first connection out.</summary>
    internal void RemoveFirst()
    {
        var connection = _first!;
        _first = connection.NextReady;
        if (_first is null)
        {
            _last = null;
        }

        connection.NextReady = null;
        connection.IsReady = false;
    }
}
