package io.github.dl4jtorch.files;

import org.jspecify.annotations.Nullable;

/** What a pickle says of a storage that is kept outside of it. */
record StorageId(InputFile file, DType dtype, String key, String location, long numel) {

  /** Reads {@code ("storage", class, key, location, numel)} and whatever follows. */
  static StorageId of(InputFile file, Tuple id) throws TorchFileException {
    if (id.size() >= 5
        && "storage".equals(id.get(0))
        && id.get(1) instanceof OpaqueName type
        && id.get(2) instanceof String key
        && id.get(3) instanceof String location
        && id.get(4) instanceof Long numel) {
      DType dtype = dtype(type);
      if (dtype == null) {
        throw file.refusal("it has a storage of the class " + type + ", which is not known here");
      }
      if (numel < 0 || numel > file.size() / dtype.itemSize()) {
        throw file.refusal(
            "its storage " + key + " should hold " + numel + " elements, more than the whole file");
      }
      return new StorageId(file, dtype, key, location, numel);
    }
    throw file.refusal("it refers to something outside of its pickle that is no storage");
  }

  private static @Nullable DType dtype(OpaqueName type) {
    if (type.toString().equals("torch.storage.UntypedStorage")
        || type.toString().equals("torch.UntypedStorage")) {
      return DType.UINT8;
    }
    return type.module().equals("torch") || type.module().equals("torch.cuda")
        ? DType.ofStorageClass(type.name())
        : null;
  }

  Storage storage() throws TorchFileException {
    file.charge(96);
    return new Storage(dtype, numel, location);
  }

  void requireSame(Storage known) throws TorchFileException {
    if (known.dtype() != dtype || known.numel() != numel) {
      throw file.refusal("it describes the storage " + key + " in two ways");
    }
  }
}
