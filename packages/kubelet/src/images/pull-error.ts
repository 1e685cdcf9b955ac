/** An image could not be had: reason ErrImagePull, later ImagePullBackOff. */
export class ImagePullError extends Error {
  override readonly name = "ImagePullError";
}

/** The policy is Never, and the image is not on this machine. */
export class ImageNeverPullError extends Error {
  override readonly name = "ImageNeverPullError";
}
