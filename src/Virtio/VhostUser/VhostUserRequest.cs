namespace NitroEnclaves.Virtio;

/// <summary>
/// Requests of a front end (vhost-user protocol, "Front-end message types"), as far as a back end without optional features
/// meets them.
/// </summary>
enum VhostUserRequest : uint
{
    GetFeatures = 1,
    SetFeatures = 2,
    SetOwner = 3,
    SetMemoryTable = 5,
    SetVringSize = 8,
    SetVringAddress = 9,
    SetVringBase = 10,
    GetVringBase = 11,
    SetVringKick = 12,
    SetVringCall = 13,
    SetVringError = 14,
    GetProtocolFeatures = 15,
    SetProtocolFeatures = 16,
    GetQueueCount = 17,
    SetVringEnable = 18,
    GetConfiguration = 24,
    SetConfiguration = 25,
}
