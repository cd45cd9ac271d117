namespace NitroEnclaves.Serve;

/// <summary>Something that happened to an enclave.</summary>
/// <param name="Number">Rises by one with each event of this server; an event stream is resumed after one.</param>
/// <param name="Type">"started", "restarted" (by its restart policy) or "ended".</param>
/// <param name="Time">When this server saw it.</param>
/// <param name="EnclaveId">The enclave's id.</param>
/// <param name="EnclaveName">Its name.</param>
/// <param name="End">How it ended, in one sentence; null for one that has started.</param>
sealed record EnclaveEvent(long Number, string Type, DateTimeOffset Time, string EnclaveId, string EnclaveName, string? End = null);
